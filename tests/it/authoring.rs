//! What authors of components in JavaScript and Python are told: what is not granted, which objection cannot be used, which
//! package is missing. The folders of `component new` are built with the real tools.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use bulkhead_tests::run;
use serde_json::{Value, json};

use crate::templates::{finish, in_folder, new, path};

/// A validator that does what a contact's first name says. Each wish is in a line of its own.
const JAVASCRIPT: &str = r#"import { fromByteArray } from "base64-js";
import { twice } from "./rules/twice.js";
import table from "./rules/table.json";

const atBuild = new Date().toISOString();

export const validation = {
  check(operation, profile, items) {
    const objections = [];
    items.forEach((text, index) => {
      const say = (message) => objections.push({ index, field: "firstname", message });
      const wishes = {
        clock: () => say(`${atBuild} ${new Date().toISOString()} ${Date.now()} ${performance.now()}`),
        package: () => say(`${fromByteArray([104, 105])} ${twice(table.four)}`),
        fetch: () => fetch("https://example.com"),
        timer: () => setTimeout(() => {}, 1),
        nowhere: () => objections.push({ field: "firstname", message: "no index" }),
        text: () => objections.push({ index: "0", field: "firstname", message: "no number" }),
        before: () => objections.push({ index: -1, field: "firstname", message: "none before" }),
        silent: () => objections.push({ index, field: "firstname" }),
        other: () => objections.push({ index, field: "FirstName", message: "no such field" }),
        empty: () => objections.push({ index, field: "", message: "no field" }),
      };
      wishes[JSON.parse(text)?.firstname]?.();
    });
    return items.some((text) => JSON.parse(text)?.firstname === "five") ? 5 : objections;
  },
};
"#;

const PYTHON: &str = r#"import json
import time

from wit_world import exports
from wit_world.imports.types import Objection


class Validation(exports.Validation):
    def check(self, operation, profile, items):
        objections = []
        for index, text in enumerate(items):
            item = json.loads(text)
            wish = item.get("firstname") if isinstance(item, dict) else None
            if wish == "clock":
                objections.append(Objection(index, "firstname", f"{time.time():.0f} {time.gmtime().tm_year}"))
            elif wish == "package":
                import iniconfig
                objections.append(Objection(index, "firstname", iniconfig.__name__))
            elif wish == "inside":
                from html import entities
                objections.append(Objection(index, "firstname", entities.__name__))
            elif wish == "lazy":
                __import__("colorsys")
            elif wish == "sleep":
                time.sleep(1)
            elif wish == "nowhere":
                objections.append(Objection(None, "firstname", "no index"))
            elif wish == "before":
                objections.append(Objection(-1, "firstname", "none before"))
            elif wish == "silent":
                objections.append(Objection(index, "firstname", None))
            elif wish == "nothing":
                return None
        return objections
"#;

fn line_of(source: &str, part: &str) -> usize {
    source.lines().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part}")) + 1
}

/// Tries a component on contacts with these first names. Returns the rows and what is said about failures and notes.
fn try_wishes(folder: &Path, component: &Path, wishes: &[&str]) -> (Vec<Value>, String) {
    let contacts: Vec<Value> = wishes.iter().map(|wish| json!({"firstname": wish})).collect();
    let file = folder.join("wishes.json");
    fs::write(&file, Value::from(contacts).to_string()).expect("it can be written");
    let tried = run(["component".as_ref(), "try".as_ref(), component.as_os_str(), file.as_os_str()]).expect(1);
    let rows = tried.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    (rows.collect(), tried.stderr)
}

/// Asserts that the first line about each contact has these parts, and that nothing else is said about it.
#[track_caller]
fn says_first(said: &str, contact: usize, parts: &[&str]) {
    let head = format!("contact {contact}: the component failed (trapped): ");
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with(&head)).collect();
    let [line] = lines[..] else { panic!("one line about contact {contact}: {said}") };
    for part in parts {
        assert!(line.contains(part), "{part}: {line}\n{said}");
    }
}

#[test]
fn javascript_says_what_is_not_granted_and_which_objection_is_wrong() {
    let (_desk, folder) = new("js", "validator");
    fs::create_dir(folder.join("rules")).expect("a folder can be made");
    for (file, text) in [
        ("validator.js", JAVASCRIPT),
        ("rules/twice.js", "export const twice = (number) => 2 * number;\n"),
        ("rules/table.json", r#"{"four": 4}"#),
    ] {
        fs::write(folder.join(file), text).expect("it can be written");
    }
    finish(&mut in_folder(&folder, &["npm", "run", "--silent", "build"]));
    let component = folder.join("validator-in-js.wasm");
    let wishes =
        ["clock", "package", "fetch", "timer", "nowhere", "text", "before", "silent", "other", "empty", "five", "none"];
    let (rows, said) = try_wishes(&folder, &component, &wishes);
    let message = |index: usize| rows[index]["errors"]["details"]["firstname"][0].as_str().unwrap_or_default();
    assert_eq!(message(0), "1970-01-01T00:00:00.000Z 1970-01-01T00:00:00.000Z 0 0");
    assert_eq!(message(1), "aGk= 8");
    assert_eq!(rows[11]["statusCode"], 201, "an item beside failing ones: {}", rows[11]);
    let place = |part: &str| format!("(validator.js:{}:", line_of(JAVASCRIPT, part));
    says_first(&said, 2, &["fetch: a component has no network", &place("fetch:")]);
    says_first(&said, 3, &["setTimeout: a component cannot wait", &place("timer:")]);
    for (contact, part) in [
        (4, r#"{"field":"firstname","message":"no index"}: its index must be the place"#),
        (5, r#""index":"0","#),
        (6, r#"{"index":-1,"#),
        (7, r#"{"index":0,"field":"firstname"}: its message must be"#),
        (10, "check must return a list of objections, and returned 5"),
    ] {
        says_first(&said, contact, &[part]);
    }
    assert!(
        said.contains("note: contact 8: an objection names 'FirstName'") && said.contains("'firstname' is one"),
        "{said}"
    );
    assert!(said.contains("note: contact 9: an objection names no field"), "{said}");
}

/// The build says at once what cannot become a part of a component. Nothing is compiled.
#[test]
fn javascript_imports_that_cannot_work_are_explained_by_the_build() {
    let (_desk, folder) = new("js", "validator");
    let build = |import: &str| {
        let source = format!("\n{import}\nexport const validation = {{ check() {{ return []; }} }};\n");
        fs::write(folder.join("validator.js"), source).expect("it can be written");
        let mut command = in_folder(&folder, &["npm", "run", "--silent", "build"]);
        let built = command.env("PATH", path()).stdin(Stdio::null()).output().expect("it starts");
        assert!(!built.status.success(), "{import}");
        String::from_utf8_lossy(&built.stderr).into_owned()
    };
    for (import, part) in [
        (r#"import { parse } from "no-such-package-here";"#, "validator.js:2: 'no-such-package-here' is not there"),
        (r#"import fs from "node:fs";"#, "validator.js:2: 'node:fs' is a part of Node"),
        (r#"import "../other.js";"#, "validator.js:2: '../other.js' is outside of this folder"),
        (r#"import "./other.js";"#, "validator.js:2: there is no file other.js"),
        (r#"const later = () => import("./other.js");"#, "validator.js:2: import() loads a file"),
    ] {
        let said = build(import);
        assert!(said.contains(part), "{import}: {said}");
    }
}

#[test]
fn python_says_what_is_not_granted_and_which_objection_is_wrong() {
    let (_desk, folder) = new("python", "validator");
    fs::write(folder.join("validator.py"), PYTHON).expect("it can be written");
    let build = || in_folder(&folder, &["python3", "build.py"]);
    fs::write(folder.join("packages.txt"), "# One package.\niniconfig==2.1.0\n").expect("it can be written");
    finish(&mut build());
    let component = folder.join("validator-in-python.wasm");
    let wishes = ["clock", "package", "inside", "lazy", "sleep", "nowhere", "before", "silent", "nothing", "none"];
    let (rows, said) = try_wishes(&folder, &component, &wishes);
    let message = |index: usize| rows[index]["errors"]["details"]["firstname"][0].as_str().unwrap_or_default();
    assert_eq!((message(0), message(1), message(2)), ("0 1970", "iniconfig", "html.entities"));
    assert_eq!(rows[9]["statusCode"], 201, "an item beside failing ones: {}", rows[9]);
    let place = |part: &str| format!("(validator.py:{})", line_of(PYTHON, part));
    says_first(&said, 3, &["No module named 'colorsys': a component has the modules", &place("colorsys")]);
    says_first(&said, 4, &["time.sleep: a component cannot wait", &place("time.sleep")]);
    for (contact, part) in [
        (5, "index=None"),
        (6, "its index must be the place of the item in 'items', a number from 0 to 0"),
        (7, "its message must be"),
        (8, "check must return a list of objections, and returned None"),
    ] {
        says_first(&said, contact, &["TypeError: ", part]);
    }

    // A package that is not named is explained by the build.
    fs::write(folder.join("validator.py"), format!("import no_such_package_here\n{PYTHON}"))
        .expect("it can be written");
    let built = build().env("PATH", path()).stdin(Stdio::null()).output().expect("it starts");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(!built.status.success(), "{said}");
    for part in ["no_such_package_here", "name the package in packages.txt"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}
