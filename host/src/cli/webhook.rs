//! `bulkhead webhook`.

use std::error::Error;

use bulkhead::operations::{MAX_COMPONENT_BYTES, OperationError};
use bulkhead::store::WebhookEvent;
use bulkhead::tenants::TenantName;
use bulkhead::webhooks::{EndpointUrlError, WebhookNetworks};
use clap::{Args, Subcommand};
use ipnet::IpNet;
use uuid::Uuid;

use super::network::network;
use super::operator::operations;
use super::output::{print_json, print_line};
use super::store::StoreArgs;

/// Commands about tenants' webhooks: servers of their own that are told when jobs end.
#[derive(Debug, Subcommand)]
pub(super) enum WebhookCommand {
    /// Add a webhook to a tenant. Prints it as one JSON object with its secret, which cannot be shown again.
    Add {
        /// The tenant's name.
        tenant: TenantName,
        /// Where messages are sent to. Servers connect only to public addresses by https, and to what --webhook-allow names.
        url: String,
        /// What it is told of: job.completed, job.cancelled or job.undone, separated by commas; without this option, all.
        #[arg(long, value_name = "EVENT", value_delimiter = ',', value_parser = event)]
        event: Vec<WebhookEvent>,
        /// Networks besides the public Internet to which the servers send messages, as their --webhook-allow says.
        #[arg(long, value_name = "CIDR", env = "BULKHEAD_WEBHOOK_ALLOW", value_delimiter = ',', value_parser = network)]
        webhook_allow: Vec<IpNet>,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// List a tenant's webhooks, the oldest first, one JSON object per line.
    List {
        /// The tenant's name.
        tenant: TenantName,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Send messages to a webhook again, and those that it missed.
    Enable(WebhookArgs),
    /// Send no messages to a webhook until it is enabled.
    Disable(WebhookArgs),
    /// List the newest 100 messages of a webhook, the newest first, one JSON object per line.
    Messages(WebhookArgs),
    /// Send all messages again that a webhook did not take.
    Replay(WebhookArgs),
    /// Remove a webhook with its messages.
    Remove(WebhookArgs),
}

/// A webhook of a tenant.
#[derive(Debug, Args)]
pub(super) struct WebhookArgs {
    /// The tenant's name.
    tenant: TenantName,
    /// The webhook's id, which 'webhook list' shows.
    #[arg(value_parser = id)]
    id: Uuid,
    #[command(flatten)]
    store: StoreArgs,
}

fn id(text: &str) -> Result<Uuid, String> {
    text.parse().map_err(|_| String::from("a webhook's id is expected; 'bulkhead webhook list TENANT' shows them"))
}

pub(super) fn run(command: WebhookCommand) -> Result<(), Box<dyn Error>> {
    let open = |store: &StoreArgs| operations(store, MAX_COMPONENT_BYTES);
    match command {
        WebhookCommand::Add { tenant, url, event, webhook_allow, store } => {
            let operations = open(&store)?.with_webhook_networks(WebhookNetworks::new(webhook_allow));
            let events = (!event.is_empty()).then_some(event);
            print_json(&operations.add_webhook(tenant.as_str(), &url, events).map_err(with_remedy)?)?;
        }
        WebhookCommand::List { tenant, store } => {
            open(&store)?.webhooks(tenant.as_str())?.iter().try_for_each(print_json)?;
        }
        WebhookCommand::Enable(WebhookArgs { tenant, id, store }) => {
            print_json(&open(&store)?.enable_webhook(tenant.as_str(), id, true)?)?;
        }
        WebhookCommand::Disable(WebhookArgs { tenant, id, store }) => {
            print_json(&open(&store)?.enable_webhook(tenant.as_str(), id, false)?)?;
        }
        WebhookCommand::Messages(WebhookArgs { tenant, id, store }) => {
            open(&store)?.webhook_messages(tenant.as_str(), id)?.iter().try_for_each(print_json)?;
        }
        WebhookCommand::Replay(WebhookArgs { tenant, id, store }) => {
            let replayed = open(&store)?.replay_webhook(tenant.as_str(), id)?;
            print_line(format_args!("messages that will be sent again: {replayed}"))?;
        }
        WebhookCommand::Remove(WebhookArgs { tenant, id, store }) => {
            open(&store)?.remove_webhook(tenant.as_str(), id)?;
            print_line(format_args!("removed the webhook {id}"))?;
        }
    }
    Ok(())
}

/// Says to whoever gives the command what an operator does about a network that is not allowed.
fn with_remedy(error: OperationError) -> Box<dyn Error> {
    const REMEDY: &str = "start each server with --webhook-allow CIDR, and give this command the same option";
    match error {
        OperationError::WebhookUrl(EndpointUrlError::Address(address)) => format!(
            "messages are not sent to the address {address}, which is none of the public Internet. Nothing was added. To allow its network, {REMEDY}, such as --webhook-allow {address}"
        )
        .into(),
        OperationError::WebhookUrl(EndpointUrlError::NoTls) => format!(
            "the URL must begin with https://, because messages go without TLS only to networks that are allowed. Nothing was added. To allow a network, {REMEDY}, such as --webhook-allow 10.0.0.0/8"
        )
        .into(),
        error => error.into(),
    }
}

fn event(name: &str) -> Result<WebhookEvent, String> {
    let events = WebhookEvent::of_tenants();
    let all = || events.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(" or ");
    let event = WebhookEvent::parse(name.trim()).filter(|event| events.contains(event));
    event.ok_or_else(|| format!("{} is expected", all()))
}
