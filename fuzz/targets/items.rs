//! Decides any items in batches, against contacts that earlier batches made. The bytes are the number of a profile, and a script.

#![no_main]

use bulkhead_fuzz::{Host, Script, profiles};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, script)) = bytes.split_first() else { return };
    Host::new(profiles::chosen(*choice)).play(&Script::read(script));
});
