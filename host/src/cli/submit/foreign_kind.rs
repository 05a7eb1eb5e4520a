//! Files that people have and no server reads: spreadsheets, archives and pages. Each is named, with what to do.

use std::path::Path;

use super::kind::extension;

/// Bytes at the beginning and at the end of an archive in which the names of its files are looked for.
const SEARCHED_BYTES: usize = 64 << 10;

/// What a file is that is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ForeignKind {
    /// Excel's, since 2007.
    Xlsx,
    /// Excel's, before.
    Xls,
    /// LibreOffice's.
    Ods,
    /// Apple's.
    Numbers,
    /// A document for printers.
    Pdf,
    /// Any other archive.
    Zip,
}

impl ForeignKind {
    /// Says what the file is: the end of a sentence.
    pub(super) fn noun(self) -> &'static str {
        match self {
            Self::Xlsx => "a spreadsheet (.xlsx)",
            Self::Xls => "a spreadsheet (.xls)",
            Self::Ods => "a spreadsheet (.ods)",
            Self::Numbers => "a spreadsheet (.numbers)",
            Self::Pdf => "a PDF",
            Self::Zip => "a ZIP archive",
        }
    }

    /// Says what to do: a sentence.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Xlsx | Self::Xls => {
                "Open it in Excel, save it with 'Save As' and the type 'CSV UTF-8', and submit the file that this makes."
            }
            Self::Ods => {
                "Open it in LibreOffice, save it with 'Save As' and the type 'Text CSV', with the character set Unicode (UTF-8), and submit the file that this makes."
            }
            Self::Numbers => {
                "Open it in Numbers, choose 'Export To' and 'CSV', with the text encoding Unicode (UTF-8), and submit the file that this makes."
            }
            Self::Pdf => {
                "A PDF has no rows: save the table as CSV UTF-8 in the program from which the PDF comes, and submit that file."
            }
            Self::Zip => {
                "If it is a spreadsheet, open it and save it as CSV UTF-8; else unpack it, and submit a file of it. Files that gzip or zstd compressed are read as they are."
            }
        }
    }

    fn of_extension(extension: &str) -> Option<Self> {
        Some(match extension {
            "xlsx" | "xlsm" | "xlsb" => Self::Xlsx,
            "xls" => Self::Xls,
            "ods" => Self::Ods,
            "numbers" => Self::Numbers,
            "pdf" => Self::Pdf,
            "zip" => Self::Zip,
            _ => return None,
        })
    }
}

/// Returns what a file is if it is no text: by its bytes, and then by its name, if the name may decide.
pub(super) fn foreign_kind(file: &Path, bytes: &[u8], name_counts: bool) -> Option<ForeignKind> {
    let of_name = || extension(file).as_deref().and_then(ForeignKind::of_extension);
    if bytes.starts_with(b"%PDF-") {
        Some(ForeignKind::Pdf)
    } else if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        Some(ForeignKind::Xls)
    } else if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        of_archive(bytes).or_else(of_name).or(Some(ForeignKind::Zip))
    } else {
        of_name().filter(|_| name_counts)
    }
}

/// Returns what an archive is, by the names of its files, which are at its beginning and at its end.
fn of_archive(bytes: &[u8]) -> Option<ForeignKind> {
    let begin = bytes.get(..SEARCHED_BYTES).unwrap_or(bytes);
    let end = bytes.get(bytes.len().saturating_sub(SEARCHED_BYTES)..).unwrap_or_default();
    let has = |name: &[u8]| [begin, end].into_iter().any(|part| part.windows(name.len()).any(|found| found == name));
    [
        (&b"xl/workbook."[..], ForeignKind::Xlsx),
        (b"opendocument.spreadsheet", ForeignKind::Ods),
        (b"Index/Document.iwa", ForeignKind::Numbers),
    ]
    .into_iter()
    .find_map(|(name, kind)| has(name).then_some(kind))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::ForeignKind::{self, Numbers, Ods, Pdf, Xls, Xlsx, Zip};
    use super::foreign_kind;

    #[test]
    fn what_is_no_text_is_named_by_its_bytes_and_then_by_its_name() {
        let archive = |name: &str| [b"PK\x03\x04".repeat(30_000), name.as_bytes().to_vec()].concat();
        for (name, bytes, expected) in [
            ("a.csv", b"%PDF-1.7".to_vec(), Some(Pdf)),
            ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1".to_vec(), Some(Xls)),
            ("a.csv", archive("xl/workbook.xml"), Some(Xlsx)),
            ("a.xlsx", archive("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"), Some(Ods)),
            ("a.zip", archive("Index/Document.iwa"), Some(Numbers)),
            ("a.csv", archive("readme.txt"), Some(Zip)),
            ("a.NUMBERS", archive("other"), Some(Numbers)),
            ("-", b"PK\x05\x06".to_vec(), Some(Zip)),
            ("a.xls", b"email\ta\n".to_vec(), Some(Xls)),
            ("a.pdf", Vec::new(), Some(Pdf)),
            ("a.csv", b"PK,email\n".to_vec(), None),
            ("a.json", b"[]".to_vec(), None),
        ] {
            assert_eq!(foreign_kind(Path::new(name), &bytes, true), expected, "{name}");
        }
        // Who says how a file is written knows better than its name, but not than its bytes.
        assert_eq!(foreign_kind(Path::new("a.xls"), b"email\ta\n", false), None);
        assert_eq!(foreign_kind(Path::new("a.xls"), b"%PDF-", false), Some(Pdf));
    }

    #[test]
    fn each_kind_has_advice() {
        for kind in [Xlsx, Xls, Ods, Numbers, Pdf, Zip] {
            assert!(ForeignKind::advice(kind).contains("CSV") && kind.advice().ends_with('.'), "{kind:?}");
        }
    }
}
