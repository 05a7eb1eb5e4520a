//! The kinds of fields.

/// A field's kind: which values the field accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One line of text.
    Text,
    /// Several lines of text.
    Textarea,
    /// Text with markup.
    Html,
    /// An e-mail address.
    Email,
    /// A decimal number.
    Number,
    /// Yes or no.
    Boolean,
    /// One of the field's choices.
    Select,
    /// Some of the field's choices.
    MultiSelect,
    /// Any text. The field's choices are suggestions.
    Lookup,
    /// A country's name.
    Country,
    /// The name of a subdivision of any country.
    Region,
    /// A locale of Symfony's list: a language with an optional script and region, such as `zh_Hans_CN`.
    Locale,
    /// The current name of a time zone of the IANA database.
    Timezone,
    /// A web address.
    Url,
    /// A telephone number. Any text is accepted.
    Tel,
    /// A date.
    Date,
    /// A date and time in UTC, to the minute.
    DateTime,
    /// A time of day, to the minute.
    Time,
}

impl Kind {
    /// Every kind with its name in a profile.
    pub(crate) const ALL: [(&'static str, Kind); 18] = [
        ("text", Kind::Text),
        ("textarea", Kind::Textarea),
        ("html", Kind::Html),
        ("email", Kind::Email),
        ("number", Kind::Number),
        ("boolean", Kind::Boolean),
        ("select", Kind::Select),
        ("multiselect", Kind::MultiSelect),
        ("lookup", Kind::Lookup),
        ("country", Kind::Country),
        ("region", Kind::Region),
        ("locale", Kind::Locale),
        ("timezone", Kind::Timezone),
        ("url", Kind::Url),
        ("tel", Kind::Tel),
        ("date", Kind::Date),
        ("datetime", Kind::DateTime),
        ("time", Kind::Time),
    ];

    /// Returns the kind that a profile calls `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind)
    }

    /// Returns whether a field of this kind can be unique. Contacts are looked up by the values of unique fields, so these
    /// must be short and have one spelling.
    pub(crate) fn can_be_unique(self) -> bool {
        !matches!(self, Self::Textarea | Self::Html | Self::MultiSelect | Self::Boolean)
    }

    /// Returns whether a field of this kind can have choices: those of a `lookup` are suggestions.
    pub(crate) fn can_have_choices(self) -> bool {
        matches!(self, Self::Select | Self::MultiSelect | Self::Lookup)
    }

    /// Returns whether values of this kind can be longer than a field allows.
    pub(crate) fn can_be_limited(self) -> bool {
        !matches!(self, Self::Number | Self::Boolean | Self::Date | Self::DateTime | Self::Time)
    }

    /// Returns whether a field of this kind refuses values only if it is strict.
    pub(crate) fn can_be_strict(self) -> bool {
        self == Self::Region
    }

    /// Returns whether Mautic stores values of this kind in a text column of 191 characters.
    pub(crate) fn is_short(self) -> bool {
        matches!(self, Self::Text | Self::Lookup)
    }
}
