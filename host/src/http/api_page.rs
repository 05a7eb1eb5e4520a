//! `GET /docs`: the description of the API as a page for people. The page is made from the description that is embedded, once; it
//! has no script, and nothing in it comes from another origin.

use std::fmt::Write as _;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::api_description::{CLIENT_DESCRIPTION, DESCRIPTION_PATH};
use super::published::{Kept, Published};
use super::reply::Reply;

/// The path of the page.
pub(super) const PAGE_PATH: &str = "/docs";

const STYLE: &str = include_str!("api_page/style.css");

/// The methods, in the order in which the page has them.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The page. Its text lives as long as the program.
static PAGE: LazyLock<Published> = LazyLock::new(|| {
    let description: Value = serde_json::from_str(CLIENT_DESCRIPTION.text()).unwrap_or_default();
    Published::new("text/html; charset=utf-8", Page::of(&description).leak(), Kept::Minutes)
});

/// What browsers may do on the page: show its style, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// Answers a request for the page.
pub(super) fn answer(headers: &HeaderMap) -> Reply {
    let mut reply = PAGE.answer(headers);
    let told: [(HeaderName, &str); 2] = [(CONTENT_SECURITY_POLICY, &POLICY), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    let told = told.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
    reply.headers_mut().extend(told);
    reply
}

/// A page that is being written.
struct Page<'a> {
    description: &'a Value,
    html: String,
}

impl<'a> Page<'a> {
    fn of(description: &'a Value) -> String {
        let mut page = Self { description, html: String::with_capacity(256 << 10) };
        page.write();
        page.html
    }

    fn add(&mut self, html: std::fmt::Arguments<'_>) {
        // Writing to memory does not fail.
        self.html.write_fmt(html).unwrap_or_default();
    }

    fn write(&mut self) {
        let info = &self.description["info"];
        let title = escaped(text(&info["title"]));
        self.add(format_args!(
            "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>"
        ));
        self.paragraphs(text(&info["summary"]));
        self.paragraphs(text(&info["description"]));
        self.add(format_args!(
            "<p>For programs: <a href=\"{DESCRIPTION_PATH}\">{DESCRIPTION_PATH}</a>, by OpenAPI {}.</p>",
            escaped(text(&self.description["openapi"]))
        ));
        let operations = self.operations();
        self.contents(&operations);
        for (tag, about) in self.tags() {
            self.add(format_args!("<h2>{}</h2>", escaped(tag)));
            self.paragraphs(about);
            for operation in operations.iter().filter(|operation| operation.tag == tag) {
                self.operation(operation);
            }
        }
        self.html.push_str("<h2>Schemas</h2>");
        for (name, schema) in members(at(self.description, "/components/schemas")) {
            self.add(format_args!("<section id=\"schema-{0}\"><h3>{0}</h3>", escaped(name)));
            self.json(schema);
            self.html.push_str("</section>");
        }
        self.html.push_str("</main></body></html>");
    }

    fn tags(&self) -> Vec<(&'a str, &'a str)> {
        elements(&self.description["tags"]).map(|tag| (text(&tag["name"]), text(&tag["description"]))).collect()
    }

    fn operations(&self) -> Vec<Operation<'a>> {
        let paths = members(&self.description["paths"]);
        let of_path = |(path, item): (&'a String, &'a Value)| {
            METHODS.into_iter().filter_map(move |method| {
                let it = item.get(method)?;
                Some(Operation { path, method, tag: text(at(it, "/tags/0")), id: text(&it["operationId"]), item, it })
            })
        };
        paths.flat_map(of_path).collect()
    }

    fn contents(&mut self, operations: &[Operation<'_>]) {
        self.html.push_str("<nav aria-label=\"Calls\"><table>");
        for Operation { path, method, id, it, .. } in operations {
            self.add(format_args!(
                "<tr><td><a href=\"#{}\"><code>{} {}</code></a></td><td>{}</td></tr>",
                escaped(id),
                method.to_ascii_uppercase(),
                escaped(path),
                escaped(text(&it["summary"]))
            ));
        }
        self.html.push_str("</table></nav>");
    }

    fn operation(&mut self, operation: &Operation<'_>) {
        let &Operation { path, method, id, item, it, .. } = operation;
        self.add(format_args!(
            "<section id=\"{}\"><h3><code>{} {}</code></h3>",
            escaped(id),
            method.to_ascii_uppercase(),
            escaped(path)
        ));
        self.paragraphs(text(&it["summary"]));
        self.paragraphs(text(&it["description"]));
        self.parameters(elements(&item["parameters"]).chain(elements(&it["parameters"])));
        let body = &it["requestBody"];
        if body.is_object() {
            self.html.push_str("<h4>Body</h4>");
            self.paragraphs(text(&body["description"]));
            self.content(&body["content"]);
        }
        self.html.push_str("<h4>Answers</h4>");
        for (status, response) in members(&it["responses"]) {
            let response = self.followed(response);
            let open = if status.starts_with('2') { " open" } else { "" };
            let about = with_code(text(&response["description"]));
            self.add(format_args!("<details{open}><summary>{}: {about}</summary>", escaped(status)));
            for (name, header) in members(&response["headers"]) {
                let about = text(&self.followed(header)["description"]);
                self.add(format_args!("<p><code>{}</code> {}</p>", escaped(name), with_code(about)));
            }
            self.content(&response["content"]);
            self.html.push_str("</details>");
        }
        self.html.push_str("</section>");
    }

    fn parameters<'b>(&mut self, parameters: impl Iterator<Item = &'b Value>) {
        let mut rows = String::new();
        for parameter in parameters {
            let parameter = self.followed(parameter);
            let required = if parameter["required"] == true { ", required" } else { "" };
            let row = format!(
                "<tr><td><code>{}</code></td><td>{}{required}</td><td>{}</td><td><code>{}</code></td></tr>",
                escaped(text(&parameter["name"])),
                escaped(text(&parameter["in"])),
                with_code(text(&parameter["description"])),
                escaped(&self.followed(&parameter["schema"]).to_string())
            );
            rows.push_str(&row);
        }
        if !rows.is_empty() {
            self.add(format_args!("<h4>Parameters</h4><table>{rows}</table>"));
        }
    }

    fn content(&mut self, content: &Value) {
        for (kind, media) in members(content) {
            self.add(format_args!("<p><code>{}</code></p>", escaped(kind)));
            self.json(&media["schema"]);
            for (_, example) in members(&media["examples"]) {
                self.add(format_args!("<p>Example: {}</p>", with_code(text(&example["summary"]))));
                self.json(&example["value"]);
            }
        }
    }

    /// Writes JSON, with a link in place of a reference that is all there is.
    fn json(&mut self, value: &Value) {
        match value["$ref"].as_str().and_then(|reference| reference.rsplit_once('/')) {
            Some((_, name)) => self.add(format_args!("<p><a href=\"#schema-{0}\">{0}</a></p>", escaped(name))),
            None => {
                let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
                self.add(format_args!("<pre>{}</pre>", escaped(&pretty)));
            }
        }
    }

    fn paragraphs(&mut self, text: &str) {
        for paragraph in text.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
            self.add(format_args!("<p>{}</p>", with_code(paragraph)));
        }
    }

    /// Returns what a reference refers to, or the value itself if it is none.
    fn followed<'b>(&self, value: &'b Value) -> &'b Value
    where
        'a: 'b,
    {
        let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
        pointer.and_then(|pointer| self.description.pointer(pointer)).unwrap_or(value)
    }
}

/// An operation of the description.
struct Operation<'a> {
    path: &'a str,
    method: &'static str,
    tag: &'a str,
    id: &'a str,
    item: &'a Value,
    it: &'a Value,
}

/// Returns what a pointer leads to, or null.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Escapes a text, and shows what is between two backquotes as code.
fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(place, part)| if place % 2 == 1 { format!("<code>{}</code>", escaped(part)) } else { escaped(part) })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
