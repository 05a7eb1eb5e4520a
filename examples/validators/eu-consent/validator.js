// Whoever sends a contact in the European Union says whether it may be contacted.

const MEMBERS = [
  "Austria", "Belgium", "Bulgaria", "Croatia", "Cyprus", "Czech Republic", "Denmark", "Estonia", "Finland", "France",
  "Germany", "Greece", "Hungary", "Ireland", "Italy", "Latvia", "Lithuania", "Luxembourg", "Malta", "Netherlands",
  "Poland", "Portugal", "Romania", "Slovakia", "Slovenia", "Spain", "Sweden",
];

export const validation = {
  // `items` are JSON texts of any kind, as the client sent them.
  check(operation, profile, items) {
    const countries = new Set([...MEMBERS, ...others(profile)].map(normal));
    const objections = [];
    items.forEach((text, index) => {
      const contact = JSON.parse(text) ?? {};
      if (countries.has(normal(contact.country)) && !Array.isArray(contact.doNotContact)) {
        const message = `Contacts in ${contact.country.trim()} need 'doNotContact': a list of channels, empty if there is consent to all.`;
        objections.push({ index, field: "doNotContact", message });
      }
    });
    return objections;
  },
};

// The setting `countries` of the tenant's profile: more countries, such as ["Iceland", "Norway"].
function others(profile) {
  const setting = profile.settings.find(([name]) => name === "countries");
  const countries = setting ? JSON.parse(setting[1]) : [];
  return Array.isArray(countries) ? countries : [];
}

function normal(country) {
  return typeof country === "string" ? country.trim().toLowerCase() : undefined;
}
