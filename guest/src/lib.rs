//! The default processor component. It exports the contract in `wit/` and calls `bulkhead-rules`.
//!
//! This crate only converts types. The rules for contacts are in the library.
//!
//! The component exports two versions of the contract. A server of this release uses the draft, which tells clients more. Other
//! host programs use the released version, and so do later servers that have another draft: a job that was accepted with this
//! component is finished with it.

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    unused_qualifications,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    reason = "generated from wit/"
)]
mod bindings {
    use super::Processor;

    wit_bindgen::generate!({
        path: ["../wit/1.0.0", "../wit/drafts/1.1.0"],
        inline: "
            package bulkhead:default;
            world default-processor {
                include bulkhead:contacts/processor@1.0.0;
                include bulkhead:contacts/processor@1.1.0-draft;
            }
        ",
        world: "bulkhead:default/default-processor",
        generate_all,
    });
    export!(Processor with_types_in self);
}

#[macro_use]
mod conversions;
mod v1_0;
mod v1_1;

struct Processor;
