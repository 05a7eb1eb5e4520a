//! Telling tenants' own servers of events, by the [Standard Webhooks](https://www.standardwebhooks.com) specification: what an
//! endpoint's URL may be, how a message is signed and sent, and when it is sent again. Nothing here knows the store.
//!
//! A tenant chooses the URL, and the server's network is not the tenant's: see [`address`].

mod address;
mod delivery;
mod endpoint_url;
mod schedule;
mod signing;

pub use address::WebhookNetworks;
pub use delivery::{Attempt, AttemptError, Held, Message, MessageSender};
pub use endpoint_url::{EndpointUrl, EndpointUrlError};
pub use schedule::{Next, next_attempt};
pub use signing::{SigningSecret, SigningSecretError};
