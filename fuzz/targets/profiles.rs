//! Reads any profile, and decides items by it. The first line is the profile's list of fields as JSON, the rest is a script. The
//! script is played by another profile as well, whose contacts are then shown by this one.

#![no_main]

use bulkhead_fuzz::{Host, Script, profiles};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (fields, script) = bytes.split_at(end);
    let Some(profile) = profiles::read(fields) else { return };
    let script = Script::read(script.get(1..).unwrap_or_default());
    let mut other = Host::new(profiles::chosen(1));
    other.play(&script);
    other.show_to(profile.clone());
    let mut host = Host::new(profile);
    host.play_every_field();
    host.play(&script);
});
