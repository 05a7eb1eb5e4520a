//! The host's side of the contract, generated from `wit/`: one module for each world, with the words in common.

#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

pub(super) mod processor {
    wasmtime::component::bindgen!({
        path: "../wit/1.0.0",
        world: "processor",
    });
}

pub(super) mod validator {
    wasmtime::component::bindgen!({
        path: "../wit/1.0.0",
        world: "validator",
        with: { "bulkhead:contacts/types@1.0.0": crate::sandbox::bindings::processor::bulkhead::contacts::types },
    });
}

/// The draft of the next version. It has words of its own, into which those of 1.0.0 are lifted: `lift.rs`.
pub(super) mod validator_1_1 {
    wasmtime::component::bindgen!({
        path: "../wit/drafts/1.1.0",
        world: "validator",
    });
}

pub(super) use processor::bulkhead::contacts::types;
pub(super) use validator_1_1::bulkhead::contacts::types as types_1_1;
