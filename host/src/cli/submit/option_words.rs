//! Says the settings of a file as options of the command line. The errors of files are written for clients of the API, where
//! settings are parameters.

/// The parameters that are options here.
const OPTIONS: [&str; 6] = ["mapping", "mode", "delimiter", "charset", "header", "blank"];
/// What an API's client does, and what a user of the command line does instead. Parameters among these become options afterwards.
const DEEDS: [(&str, &str); 7] = [
    ("Send a mapping such as ", "Give a mapping such as mapping="),
    ("Send a mapping that ", "Give a mapping with --mapping that "),
    ("needs a mapping by numbers, such as ", "needs a mapping by numbers, such as mapping="),
    ("Send header=absent and a mapping by numbers, such as ", "Give header=absent and mapping="),
    (" and a mapping by numbers.", " and a mapping by numbers with --mapping."),
    ("or name its charset", "or name its charset with --charset"),
    (" GET /api/contacts/list/fields lists the fields.", ""),
];

/// Returns a text in which options take the places of parameters: `--charset windows-1252` instead of `charset=windows-1252`.
pub(super) fn with_options(text: &str) -> String {
    let mut said = text.to_owned();
    for (deed, instead) in DEEDS {
        said = said.replace(deed, instead);
    }
    for option in OPTIONS {
        said = with_option(&said, option);
    }
    said
}

/// Replaces each `name=VALUE`. A value that is a JSON object is quoted for a shell.
fn with_option(text: &str, name: &str) -> String {
    let mut said = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, value)) = rest.split_once(&format!("{name}=")) {
        said.push_str(before);
        let is_word = before.ends_with(|sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-' | '&' | '?'));
        rest = value;
        if is_word {
            said.push_str(&format!("{name}="));
            continue;
        }
        said.push_str(&format!("--{name} "));
        if let Some((object, after)) = value.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            said.push_str(&format!("'{{{object}}}'"));
            rest = after;
        }
    }
    said.push_str(rest);
    said
}

#[cfg(test)]
mod tests {
    use bulkhead::import::ImportError;

    use super::with_options;

    #[test]
    fn parameters_become_options() {
        for (text, expected) in [
            ("Excel mostly writes charset=windows-1252.", "Excel mostly writes --charset windows-1252."),
            ("Give delimiter=; or header=absent.", "Give --delimiter ; or --header absent."),
            (r#"Send mapping={"a":"b"}, or not."#, r#"Send --mapping '{"a":"b"}', or not."#),
            ("mapping={ and mode=create&mode=x", "--mapping { and --mode create&mode=x"),
            ("mymode=x blank", "mymode=x blank"),
            ("", ""),
        ] {
            assert_eq!(with_options(text), expected);
        }
    }

    #[test]
    fn no_error_of_a_file_names_a_parameter() {
        let text = |text: &str| text.to_owned();
        for error in [
            ImportError::NotUtf8 { byte: 0xf6, line: 2 },
            ImportError::UnknownCharset(text("klingon")),
            ImportError::NotOfCharset("Shift_JIS"),
            ImportError::Ragged { line: 2, cells: 1, columns: 2, delimiter: ',' },
            ImportError::SameTarget(text("a"), text("b"), text("c"), text(r#"{"a":"c"}"#)),
            ImportError::NoColumnKnown(text("a"), text(r#"{"a":"email"}"#)),
            ImportError::HeaderIsContact(text("a@b.co")),
            ImportError::NoHeader,
            ImportError::NoRows,
            ImportError::UnclearDelimiter(',', ';'),
        ] {
            let said = with_options(&error.to_string());
            for name in ["mapping=", "delimiter=", "charset=", "header=", "GET ", "Send a mapping"] {
                assert!(!said.contains(name), "{said}");
            }
        }
        let said = with_options(&ImportError::NoHeader.to_string());
        assert!(said.contains(r#"--mapping '{"1":"email","2":"firstname"}'."#), "{said}");
        for (error, part) in [
            (
                ImportError::NoColumnKnown(text("'Post an'"), text(r#"{"Post an":"email"}"#)),
                r#"--mapping '{"Post an":"email"}',"#,
            ),
            (ImportError::HeaderIsContact(text("a@b.co")), r#"--header absent and --mapping '{"1":"email"}';"#),
            (
                ImportError::SameTarget(text("E-Mail"), text("email"), text("email"), text(r#"{"E-Mail":"email"}"#)),
                r#"--mapping '{"E-Mail":"email"}', which"#,
            ),
        ] {
            let said = with_options(&error.to_string());
            assert!(said.contains(part), "{said}");
        }
    }
}
