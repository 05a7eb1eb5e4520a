//! `bulkhead webhook`.

use std::error::Error;

use bulkhead::operations::MAX_COMPONENT_BYTES;
use bulkhead::store::WebhookEvent;
use bulkhead::tenants::TenantName;
use bulkhead::webhooks::EndpointUrl;
use clap::{Args, Subcommand};
use uuid::Uuid;

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
        #[arg(value_parser = url)]
        url: EndpointUrl,
        /// What it is told of: job.completed or job.cancelled, separated by commas; without this option, both.
        #[arg(long, value_name = "EVENT", value_delimiter = ',', value_parser = event)]
        event: Vec<WebhookEvent>,
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
    id: Uuid,
    #[command(flatten)]
    store: StoreArgs,
}

pub(super) fn run(command: WebhookCommand) -> Result<(), Box<dyn Error>> {
    let open = |store: &StoreArgs| operations(store, MAX_COMPONENT_BYTES);
    match command {
        WebhookCommand::Add { tenant, url, event, store } => {
            print_json(&open(&store)?.add_webhook(tenant.as_str(), &url, &event)?)?;
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

fn url(text: &str) -> Result<EndpointUrl, String> {
    EndpointUrl::parse(text).map_err(|error| error.to_string())
}

fn event(name: &str) -> Result<WebhookEvent, String> {
    let all = WebhookEvent::ALL.map(WebhookEvent::as_str).join(" or ");
    WebhookEvent::parse(name.trim()).ok_or_else(|| format!("{all} is expected"))
}
