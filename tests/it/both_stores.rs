//! Tests that are the same on both stores.

/// Defines two tests that call a function with a server, on SQLite and on PostgreSQL. What stands behind the function are methods
/// of the server's options.
macro_rules! on_both_stores {
    ($test:ident $(, $option:ident($($argument:expr),*))*) => {
        mod $test {
            #[test]
            fn on_sqlite() {
                super::$test(&bulkhead_tests::Options::default()$(.$option($($argument),*))*.start());
            }

            #[test]
            fn on_postgresql() {
                super::$test(&crate::databases::Database::fresh().options()$(.$option($($argument),*))*.start());
            }
        }
    };
}
