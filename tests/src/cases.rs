//! The reference cases over HTTP.

use bulkhead_cases::{Answer, Api, Form, cases};

use crate::{Client, Server};

impl Api for Client {
    fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let reply = Self::call(self, method, path, headers, body);
        Answer { status: reply.status, text: reply.text() }
    }
}

/// Runs every reference case, each with another tenant. Returns a text for each case that fails.
pub fn run_cases(server: &Server, form: Form) -> Vec<String> {
    let play = |(place, case): (usize, &bulkhead_cases::Case)| {
        let tenant = server.add_tenant_with(&format!("{form:?}-{place}").to_lowercase(), &case.profile());
        let fault = case.run(form, &mut server.client(&tenant)).err()?;
        Some(format!("{}\n  {fault}", case.name))
    };
    cases().iter().enumerate().filter_map(play).collect()
}
