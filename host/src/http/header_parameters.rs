//! The value of a header with parameters: `form-data; name="0[email]"`.

use super::problem::Problem;

/// Parameters of one header.
const MAX_PARAMETERS: usize = 16;

/// The value of a header, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HeaderValueParts<'a> {
    /// What is before the first semicolon, in lower case.
    pub(super) essence: String,
    parameters: Vec<(&'a str, String)>,
}

impl<'a> HeaderValueParts<'a> {
    /// Reads a value. Returns `None` if the parameters are not written as such, one is there twice, or they are more than 16.
    pub(super) fn read(value: &'a str) -> Option<Self> {
        let (essence, mut rest) = value.split_once(';').map_or((value, None), |(first, rest)| (first, Some(rest)));
        let mut parameters: Vec<(&str, String)> = Vec::new();
        while let Some(text) = rest {
            let text = text.trim_start();
            if text.is_empty() {
                break;
            }
            if parameters.len() >= MAX_PARAMETERS {
                return None;
            }
            let (name, after) = text.split_once('=')?;
            let name = name.trim();
            if name.is_empty() || name.contains([';', '"', ' ']) {
                return None;
            }
            if parameters.iter().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
                return None;
            }
            let (value, after) = parameter_value(after.trim_start())?;
            parameters.push((name, value));
            rest = after;
        }
        Some(Self { essence: essence.trim().to_ascii_lowercase(), parameters })
    }

    /// Reads the value of a `Content-Type`.
    ///
    /// # Errors
    /// 400 if the parameters cannot be read.
    pub(super) fn of_content_type(value: &'a str) -> Result<Self, Problem> {
        Self::read(value).ok_or_else(|| {
            Problem::bad_request(
                "The parameters of the Content-Type cannot be read. Write each parameter once, as name=value, with a semicolon before it alone, such as 'multipart/form-data; boundary=…'.",
            )
        })
    }

    /// Returns the parameter of a name, whose case does not matter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// Reads a parameter's value: a word, or a text in quotes with backslashes before some of its characters. Returns what is behind
/// the next semicolon, if there is one.
fn parameter_value(text: &str) -> Option<(String, Option<&str>)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, after) = text.split_once(';').map_or((text, None), |(word, after)| (word, Some(after)));
        let word = word.trim();
        return (!word.is_empty() && !word.contains(['"', ' '])).then(|| (word.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => {
                let after = quoted.get(place + 1..).unwrap_or_default().trim_start();
                return match after.strip_prefix(';') {
                    Some(after) => Some((value, Some(after))),
                    None => after.is_empty().then_some((value, None)),
                };
            }
            // Browsers of other times wrote `C:\photo.jpg` without doubling the backslash, so only these two are escapes.
            '\\' => match characters.clone().next() {
                Some((_, escaped @ ('"' | '\\'))) => {
                    value.push(escaped);
                    characters.next();
                }
                _ => value.push('\\'),
            },
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::HeaderValueParts;

    #[test]
    fn parameters_are_words_or_quoted() {
        for (value, essence, name, expected) in [
            ("Form-Data; name=email", "form-data", "name", Some("email")),
            ("form-data;name=\"0[a b]\" ; filename=\"\"", "form-data", "NAME", Some("0[a b]")),
            ("form-data; name=\"x;y=\\\"z\\\"\"; filename=\"C:\\a\\\\b\"", "form-data", "filename", Some("C:\\a\\b")),
            ("form-data; name=\"x;y=\\\"z\\\"\"", "form-data", "name", Some("x;y=\"z\"")),
            (
                "multipart/form-data; charset=utf-8; boundary=----x'()+_,-./:=?",
                "multipart/form-data",
                "boundary",
                Some("----x'()+_,-./:=?"),
            ),
            ("form-data; name=\"ü\"", "form-data", "name", Some("ü")),
            ("form-data;", "form-data", "name", None),
            ("text/plain", "text/plain", "charset", None),
        ] {
            let parts = HeaderValueParts::read(value).unwrap();
            assert_eq!((parts.essence.as_str(), parts.parameter(name)), (essence, expected), "{value}");
        }
    }

    #[test]
    fn other_values_are_refused() {
        let many: String = (0..17).map(|number| format!("; a{number}=b")).collect();
        let many = format!("form-data{many}");
        for value in [
            "a; b",
            "a; b=c; B=c",
            "a; =b",
            "a; b=",
            "a; b=\"c",
            "a; b=\"c\" d",
            "a; b c=d",
            "a; b=c d",
            "a; b=c\"",
            &many,
        ] {
            assert_eq!(HeaderValueParts::read(value), None, "{value}");
        }
    }
}
