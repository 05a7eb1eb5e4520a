//! Somebody who opens the console without script: follows links, sends forms, and keeps the cookie.

use std::cell::RefCell;

use crate::client::{Client, Reply};
use crate::options::{ADMIN_READ_TOKEN, ADMIN_TOKEN};
use crate::{Tenant, wait_until};

/// The boundary of the forms with a file.
const BOUNDARY: &str = "a-boundary-of-a-test";

/// Somebody who opens the console.
pub struct Visitor {
    client: Client,
    cookie: RefCell<Option<String>>,
}

/// A page, and where it is.
#[derive(Debug)]
pub struct Page {
    /// Its address, without the server's.
    pub path: String,
    /// The answer.
    pub reply: Reply,
}

impl Page {
    /// Returns the text of the page's HTML.
    pub fn html(&self) -> String {
        self.reply.text()
    }

    /// Returns the page if it has a text.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn with(self, text: &str) -> Self {
        assert!(self.html().contains(text), "{} ({}) has no '{text}': {}", self.path, self.reply.status, self.html());
        self
    }

    /// Returns the number beside a label of the page's figures.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn figure(&self, label: &str) -> u64 {
        let html = self.html();
        let number = html.split_once(&format!("<dt>{label}</dt><dd>")).and_then(|(_, rest)| rest.split_once("</dd>"));
        let number = number.unwrap_or_else(|| panic!("there is no figure '{label}': {html}")).0.replace(',', "");
        number.parse().expect("a figure is a number")
    }
}

impl Visitor {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, cookie: RefCell::default() }
    }

    /// Returns the cookie that the console has set.
    pub fn cookie(&self) -> Option<String> {
        self.cookie.borrow().clone()
    }

    /// Sends a request as a browser does, but for what `headers` say. Follows no redirect.
    #[track_caller]
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let cookie = self.cookie();
        let mut all: Vec<(&str, &str)> = cookie.iter().map(|cookie| ("cookie", cookie.as_str())).collect();
        all.extend(headers);
        let reply = self.client.call(method, path, &all, body);
        if let Some(set) = reply.header("set-cookie") {
            let pair = set.split(';').next().unwrap_or_default();
            *self.cookie.borrow_mut() = Some(pair.to_owned()).filter(|pair| !pair.ends_with('='));
        }
        reply
    }

    /// Opens a page, and follows redirects.
    #[track_caller]
    pub fn open(&self, path: &str) -> Page {
        let reply = self.send("GET", path, &[("sec-fetch-site", "same-origin")], &[]);
        self.follow(path, reply)
    }

    /// Sends a form, and follows redirects.
    #[track_caller]
    pub fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let reply = self.send("POST", path, &[kind, ("sec-fetch-site", "same-origin")], body.as_bytes());
        self.follow(path, reply)
    }

    /// Brings a file, and follows redirects.
    #[track_caller]
    pub fn bring(&self, name: &str, content: &[u8], fields: &[(&str, &str)]) -> Page {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        let name = name.replace('"', "%22");
        body.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n").bytes());
        body.extend(content);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").bytes());
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let reply = self.send("POST", "/upload", &[("content-type", &kind), ("sec-fetch-site", "same-origin")], &body);
        self.follow("/upload", reply)
    }

    /// Logs in for a tenant.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn log_in(&self, tenant: &Tenant) -> Page {
        let fields = [("client_id", tenant.client_id.as_str()), ("client_secret", tenant.client_secret.as_str())];
        let page = self.submit("/login", &fields);
        assert_eq!((page.reply.status, page.path.as_str()), (200, "/jobs"), "{}", page.html());
        page
    }

    /// Logs in as an operator.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn log_in_as_operator(&self) -> Page {
        self.log_in_with_token(ADMIN_TOKEN)
    }

    /// Logs in as an operator who only reads.
    ///
    /// # Panics
    /// If that fails.
    #[track_caller]
    pub fn log_in_as_reader(&self) -> Page {
        self.log_in_with_token(ADMIN_READ_TOKEN)
    }

    #[track_caller]
    fn log_in_with_token(&self, token: &str) -> Page {
        let page = self.submit("/login", &[("operator_token", token)]);
        assert_eq!((page.reply.status, page.path.as_str()), (200, "/ops/overview"), "{}", page.html());
        page
    }

    /// Opens a page again and again until it has moved on to one whose address ends so.
    #[track_caller]
    pub fn wait_for(&self, path: &str, ending: &str) -> Page {
        wait_until(&format!("{path} to lead to {ending}"), || {
            let page = self.open(path);
            (page.path.ends_with(ending) && !page.html().contains("data-progress")).then_some(page)
        })
    }

    #[track_caller]
    fn follow(&self, path: &str, mut reply: Reply) -> Page {
        let mut path = path.to_owned();
        for _ in 0..5 {
            if reply.status != 303 {
                return Page { path, reply };
            }
            path = reply.header("location").expect("a redirect has a place").to_owned();
            reply = self.send("GET", &path, &[("sec-fetch-site", "same-origin")], &[]);
        }
        panic!("{path}: too many redirects");
    }
}
