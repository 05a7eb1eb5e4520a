//! A tenant's credentials.

use serde_json::Value;

/// A tenant's credentials.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// The tenant's name.
    pub name: String,
    /// The public half of the credentials.
    pub client_id: String,
    /// The secret half, which is also a Bearer token.
    pub client_secret: String,
}

impl Tenant {
    /// Parses the output of `bulkhead tenant add`.
    ///
    /// # Panics
    /// If the text is something else.
    pub fn parse(text: &str) -> Self {
        let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let member = |name: &str| value[name].as_str().unwrap_or_else(|| panic!("no {name}: {text}")).to_owned();
        Self { name: member("tenant"), client_id: member("client_id"), client_secret: member("client_secret") }
    }

    /// Returns the `Authorization` header that the tenant's clients send.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.client_secret)
    }
}
