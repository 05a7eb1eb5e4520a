//! The check of the options with which a server would start.

use std::error::Error;
use std::ffi::OsString;

use clap::FromArgMatches as _;

use super::Finding;
use crate::cli::option_sources::try_parse;
use crate::cli::serve::ServeArgs;
use crate::cli::server_options;
use crate::cli::store::StoreArgs;

const CHECK: &str = "configuration";
/// The instances of components that a server has at a time whose options are not known.
const USUAL_INSTANCES: u32 = 50;

/// Checks the options of a server of this store: those of the environment, the configuration file and the files that they name. Returns
/// also how many component instances such a server has at a time.
pub(super) fn configuration(store: &StoreArgs) -> (Finding, u32) {
    match examine(store) {
        Ok(args) => {
            let found = store.config().map_or_else(
                || String::from("no file; the environment and the defaults are well"),
                |path| format!("{} is well", path.display()),
            );
            (Finding::ok(CHECK, found), args.instances())
        }
        Err(error) => {
            let advice = "a server does not start like this; correct that option, and see 'bulkhead config show'";
            (Finding::fail(CHECK, error.to_string(), advice), USUAL_INSTANCES)
        }
    }
}

fn examine(store: &StoreArgs) -> Result<ServeArgs, Box<dyn Error>> {
    let known = server_options();
    let arguments = [OsString::from("serve")].into_iter().chain(store.arguments()).collect();
    let mut parsed = try_parse(known.clone(), &known, arguments)?;
    let args = ServeArgs::from_arg_matches_mut(&mut parsed.matches)?;
    args.check()?;
    args.identities()?;
    Ok(args)
}
