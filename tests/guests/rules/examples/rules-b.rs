//! The build `b` of the validator.

use bulkhead_guest_rules::{Build, validator};

struct B;

impl Build for B {
    const NAME: &'static str = "b";
}

validator!(B);
