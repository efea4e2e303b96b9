use interflow_domain::Personal;

/// A personal value as far as it can still be said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Known<T> {
    /// There never was one.
    #[default]
    Absent,
    /// This.
    Clear(T),
    /// There was one.
    Erased,
}

impl<T> Known<T> {
    /// The value.
    pub const fn get(&self) -> Option<&T> {
        if let Self::Clear(value) = self { Some(value) } else { None }
    }

    /// Whether there was one.
    pub const fn is_erased(&self) -> bool {
        matches!(self, Self::Erased)
    }

    /// This, or the other where there never was one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if matches!(self, Self::Absent) { other } else { self }
    }

    /// What a personal value says, in another form.
    pub(super) fn from<P>(personal: Option<&Personal<P>>, form: impl FnOnce(&P) -> T) -> Self {
        match personal.map(Personal::get) {
            None => Self::Absent,
            Some(None) => Self::Erased,
            Some(Some(value)) => Self::Clear(form(value)),
        }
    }
}

impl Known<String> {
    /// What a personal value says, as text.
    pub(super) fn text<P: ToString>(personal: Option<&Personal<P>>) -> Self {
        Self::from(personal, P::to_string)
    }
}
