// A validator: a contact in the European Union must have `doNotContact`, the channels on which it must not be contacted.

const EU_COUNTRIES = [
  "Austria", "Belgium", "Bulgaria", "Croatia", "Cyprus", "Czech Republic", "Denmark", "Estonia", "Finland", "France",
  "Germany", "Greece", "Hungary", "Ireland", "Italy", "Latvia", "Lithuania", "Luxembourg", "Malta", "Netherlands",
  "Poland", "Portugal", "Romania", "Slovakia", "Slovenia", "Spain", "Sweden",
];

export const validation = {
  // Each item is a JSON text as the client sent it, which may be any JSON value.
  check(operation, profile, items) {
    const countries = new Set([...EU_COUNTRIES, ...moreCountries(profile)].map(normalized));
    const objections = [];
    items.forEach((text, index) => {
      const contact = JSON.parse(text) ?? {};
      if (countries.has(normalized(contact.country)) && !Array.isArray(contact.doNotContact)) {
        const message = `Contacts in ${contact.country.trim()} need 'doNotContact': a list of channels, empty if there is consent to all.`;
        objections.push({ index, field: "doNotContact", message });
      }
    });
    return objections;
  },
};

// Returns the setting `countries` of the tenant's profile: a list of more countries, such as ["Iceland", "Norway"].
function moreCountries(profile) {
  const setting = profile.settings.find(([name]) => name === "countries");
  const countries = setting ? JSON.parse(setting[1]) : [];
  return Array.isArray(countries) ? countries : [];
}

// Returns a country's name in lower case, or undefined for a value that is not a text.
function normalized(country) {
  return typeof country === "string" ? country.trim().toLowerCase() : undefined;
}
