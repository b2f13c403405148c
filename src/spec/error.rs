//! What is wrong with a chain spec, or another file that people write, and where.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

/// Problems that one error reports at most: after these, mending the first ones helps more than reading on.
pub const PROBLEMS_MAX: usize = 20;

/// Characters of the offending text that a message repeats at most.
const GIVEN_CHARS_MAX: usize = 60;

/// Bytes in a line that a report still quotes; a longer one would fill the screen and hide the place.
const QUOTED_BYTES_MAX: usize = 400;

/// Columns that a report takes.
const REPORT_WIDTH: usize = 100;

/// Something wrong at one place of a file.
///
/// `Display` is one plain line, `FILE:LINE:COLUMN: …`, for logs and `--json`; [`Problem::render`] shows people the line
/// itself.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The file, as its reader named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The offending text as it stands in the file, shortened; empty where something is missing.
    pub given: String,
    /// Why it is refused.
    pub reason: String,
    /// What to do about it.
    pub fix: String,
    span: Range<usize>,
    source: Arc<NamedSource<String>>,
}

impl Problem {
    /// A report with the line quoted and the place marked; `color` for terminals. The plain line where the text to quote
    /// is too long.
    pub fn render(&self, color: bool) -> String {
        if !self.is_quotable() {
            return format!("{self}\n");
        }
        let theme =
            if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler =
            GraphicalReportHandler::new_themed(theme).with_links(false).with_width(REPORT_WIDTH);
        let mut report = String::new();
        // The headline of the report is the reason alone: the place is in the frame, the fix below it.
        match handler.render_report(&mut report, &Headline(self)) {
            Ok(()) => report,
            Err(fmt::Error) => format!("{self}\n"),
        }
    }

    fn is_quotable(&self) -> bool {
        let text = self.source.inner();
        let start = text[..self.span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[self.span.end..].find('\n').map_or(text.len(), |at| self.span.end + at);
        end - start <= QUOTED_BYTES_MAX
    }

    fn label(&self) -> LabeledSpan {
        let length = self.span.len().max(1);
        LabeledSpan::new_primary_with_span(Some("here".into()), (self.span.start, length))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        // Many reasons repeat it already.
        if !self.given.is_empty() && !self.reason.contains(&format!("`{}`", self.given)) {
            write!(f, "`{}`: ", self.given)?;
        }
        write!(f, "{}; {}", self.reason, self.fix)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.fix))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label())))
    }
}

/// A problem whose `Display` is the reason alone.
#[derive(Debug)]
struct Headline<'a>(&'a Problem);

impl fmt::Display for Headline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.reason)
    }
}

impl std::error::Error for Headline<'_> {}

impl Diagnostic for Headline<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.0.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }
}

/// A text that is not what it should be: at least one problem, at most [`PROBLEMS_MAX`], in the order of the file.
///
/// `Display` is one plain line per problem; [`SpecError::render`] is the report for people.
#[derive(Debug, Clone)]
pub struct SpecError {
    form: &'static str,
    problems: Vec<Problem>,
    unreported: usize,
}

impl SpecError {
    /// What the text was to be: `chain spec`.
    pub fn form(&self) -> &'static str {
        self.form
    }

    /// The problems, in the order of the file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// How many more there are than are reported.
    pub fn unreported(&self) -> usize {
        self.unreported
    }

    /// A report with every offending line quoted; `color` for terminals.
    pub fn render(&self, color: bool) -> String {
        let mut report: String =
            self.problems.iter().map(|problem| problem.render(color)).collect();
        if self.unreported > 0 {
            report.push_str(&format!("  … and {} more\n", self.unreported));
        }
        report
    }
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        if self.unreported > 0 {
            write!(f, "\n… and {} more", self.unreported)?;
        }
        Ok(())
    }
}

impl std::error::Error for SpecError {}

impl Diagnostic for SpecError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problems.first()?.help()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.problems.first()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.problems.first()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        let rest = self.problems.get(1..).filter(|rest| !rest.is_empty())?;
        Some(Box::new(rest.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

/// Something wrong at a place, before the place has a line and a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Bytes of the text.
    pub(crate) span: Range<usize>,
    /// Why it is refused.
    pub(crate) reason: String,
    /// What to do about it.
    pub(crate) fix: String,
}

/// Turns faults, at least one, into the error that names their lines.
pub(super) fn error(
    form: &'static str,
    file: &str,
    text: &str,
    mut faults: Vec<Fault>,
) -> SpecError {
    faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
    // A parser that stumbled says so once for every bracket that is open.
    faults.dedup();
    let source = Arc::new(NamedSource::new(file, text.to_owned()));
    let unreported = faults.len().saturating_sub(PROBLEMS_MAX);
    faults.truncate(PROBLEMS_MAX);
    let place = |fault: Fault| {
        let start = floor(text, fault.span.start);
        let end = floor(text, fault.span.end).max(start);
        let (line, column) = line_and_column(text, start);
        Problem {
            file: file.to_owned(),
            line,
            column,
            given: shortened(&text[start..end]),
            reason: fault.reason,
            fix: fault.fix,
            span: start..end,
            source: source.clone(),
        }
    };
    SpecError { form, problems: faults.into_iter().map(place).collect(), unreported }
}

/// The nearest border of characters at or below `at`.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The first line of a text, cut to [`GIVEN_CHARS_MAX`] characters.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim_end();
    let cut = line.chars().count() > GIVEN_CHARS_MAX || line.len() < text.trim_end().len();
    let mut short: String = line.chars().take(GIVEN_CHARS_MAX).collect();
    if cut {
        short.push('…');
    }
    short
}
