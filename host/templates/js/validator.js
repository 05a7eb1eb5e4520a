// A validator: its objections are added to the errors that the processor finds.

export const validation = {
  // `items` are JSON texts of any kind, as the client sent them.
  check(operation, profile, items) {
    const blocked = blockedDomains(profile);
    const objections = [];
    items.forEach((text, index) => {
      const domain = domainOf(JSON.parse(text));
      if (blocked.includes(domain)) {
        objections.push({ index, field: "email", message: `Addresses of ${domain} are not accepted.` });
      }
    });
    return objections;
  },
};

function domainOf(item) {
  const email = item?.email;
  return typeof email === "string" ? email.trim().toLowerCase().split("@").at(-1) : undefined;
}

// Returns the setting `blocked` of the tenant's profile, such as ["example.org"].
function blockedDomains(profile) {
  const setting = profile.settings.find(([name]) => name === "blocked");
  const domains = setting ? JSON.parse(setting[1]) : [];
  return Array.isArray(domains) ? domains.map((domain) => String(domain).toLowerCase()) : [];
}
