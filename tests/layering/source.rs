//! Reading Rust source well enough to see who imports whom: a small lexer, the module tree behind `lib.rs`, and the
//! paths that start at the crate's root.
//!
//! It reads tokens, not lines, so an import in a multi-line group, a path in the middle of an expression or inside a
//! macro, and a climb by `super::super::` are all seen, while comments, doc comments and strings are not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One token of Rust source: a word, a number, a string literal, `::`, or a single other character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
    /// Set for string literals, whose `text` is what stands between the quotes: no rule may match inside it.
    pub(crate) literal: bool,
}

/// Splits source into tokens; comments, whitespace, lifetimes and character literals leave none.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    Lexer { chars: source.chars().collect(), at: 0, line: 1, tokens: Vec::new() }.run()
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn run(mut self) -> Vec<Token> {
        while let Some(c) = self.peek(0) {
            match c {
                '/' if self.peek(1) == Some('/') => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.advance();
                    }
                }
                '/' if self.peek(1) == Some('*') => self.skip_block_comment(),
                '"' => self.string(),
                '\'' => self.skip_quote(),
                ':' if self.peek(1) == Some(':') => self.push(2),
                c if c == '_' || c.is_alphanumeric() => self.word(),
                c if c.is_whitespace() => self.advance(),
                _ => self.push(1),
            }
        }
        self.tokens
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn advance(&mut self) {
        if self.peek(0) == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    /// Makes one token of the next `length` characters.
    fn push(&mut self, length: usize) {
        let text = self.chars[self.at..self.at + length].iter().collect();
        self.tokens.push(Token { line: self.line, text, literal: false });
        self.at += length;
    }

    fn skip_block_comment(&mut self) {
        let mut depth = 0;
        while self.peek(0).is_some() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                _ => {
                    self.advance();
                    continue;
                }
            }
            self.at += 2;
            if depth == 0 {
                return;
            }
        }
    }

    /// A lifetime or a character literal: `'a` against `'a'`, `'\n'`, `'"'`.
    fn skip_quote(&mut self) {
        self.advance();
        if self.peek(0) == Some('\\') {
            self.at += 2;
            while self.peek(0).is_some_and(|c| c != '\'') {
                self.advance();
            }
            self.advance();
        } else if self.peek(1) == Some('\'') {
            self.advance();
            self.advance();
        } else {
            while self.peek(0).is_some_and(|c| c == '_' || c.is_alphanumeric()) {
                self.advance();
            }
        }
    }

    fn string(&mut self) {
        let line = self.line;
        self.advance();
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            self.advance();
            match c {
                '"' => break,
                '\\' => self.advance(),
                c => text.push(c),
            }
        }
        self.tokens.push(Token { line, text, literal: true });
    }

    /// `r"…"`, `r#"…"#` and so on; `self.at` is at the first `#` or quote.
    fn raw_string(&mut self, hashes: usize) {
        let line = self.line;
        self.at += hashes + 1;
        let mut text = String::new();
        while let Some(c) = self.peek(0) {
            self.advance();
            if c == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.at += hashes;
                break;
            }
            text.push(c);
        }
        self.tokens.push(Token { line, text, literal: true });
    }

    fn word(&mut self) {
        let mut length = 0;
        while self.peek(length).is_some_and(|c| c == '_' || c.is_alphanumeric()) {
            length += 1;
        }
        let word: String = self.chars[self.at..self.at + length].iter().collect();
        if matches!(word.as_str(), "r" | "br" | "cr") {
            let mut hashes = 0;
            while self.peek(length + hashes) == Some('#') {
                hashes += 1;
            }
            match self.peek(length + hashes) {
                Some('"') => {
                    self.at += length;
                    return self.raw_string(hashes);
                }
                // A raw identifier: `r#type` names `type`.
                Some(c) if word == "r" && hashes == 1 && (c == '_' || c.is_alphabetic()) => {
                    self.at += 2;
                    return self.word();
                }
                _ => {}
            }
        }
        if matches!(word.as_str(), "b" | "c") && self.peek(length) == Some('"') {
            self.at += length;
            return self.string();
        }
        if word == "b" && self.peek(length) == Some('\'') {
            self.at += length;
            return self.skip_quote();
        }
        self.push(length);
    }
}

/// A path that starts at the crate's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) line: usize,
    /// The first name below the root, or `*` where everything is meant: a glob, or the root under another name.
    pub(crate) room: String,
}

/// A module declared without a body: `mod name;`, with the inline modules around it and its `#[path]`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Declared {
    inside: Vec<String>,
    name: String,
    path: Option<String>,
}

/// What one file says about other modules.
struct Scan<'a> {
    tokens: &'a [Token],
    imports: Vec<Import>,
    declared: Vec<Declared>,
}

/// The paths from the crate's root in a file that is a module `depth` levels below it (`src/ledger/mod.rs` is 1).
pub(crate) fn imports(tokens: &[Token], depth: usize) -> Vec<Import> {
    scan(tokens, depth).imports
}

fn scan(tokens: &[Token], depth: usize) -> Scan<'_> {
    let mut scan = Scan { tokens, imports: Vec::new(), declared: Vec::new() };
    // Inline modules around the token, each with the number of braces that were open before it.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut braces = 0;
    let mut path = None;
    for at in 0..tokens.len() {
        let depth = depth + inline.len();
        match scan.text(at) {
            "{" => braces += 1,
            "}" => {
                braces = usize::saturating_sub(braces, 1);
                inline.retain(|(_, outer)| *outer < braces);
            }
            "path" if scan.text(at + 1) == "=" => path = tokens.get(at + 2),
            "mod" if scan.text(at + 2) == "{" => {
                inline.push((scan.text(at + 1).to_owned(), braces));
                path = None;
            }
            "mod" if scan.text(at + 2) == ";" => scan.declared.push(Declared {
                inside: inline.iter().map(|(name, _)| name.clone()).collect(),
                name: scan.text(at + 1).to_owned(),
                path: path.take().filter(|token| token.literal).map(|token| token.text.clone()),
            }),
            ";" => path = None,
            "crate" => match scan.text(at + 1) {
                "::" => scan.below_root(at + 2),
                "as" | "self" => scan.found(at, "*"),
                _ => {}
            },
            // The head of a climb; `self::super` is one too, any other `x::super` is not Rust.
            "super"
                if scan.text(at.wrapping_sub(1)) != "::"
                    || scan.text(at.wrapping_sub(2)) == "self" =>
            {
                scan.climb(at, 1, depth);
            }
            _ => {}
        }
    }
    scan
}

impl Scan<'_> {
    /// The text of a token; literals and what lies beyond the ends match no rule.
    fn text(&self, at: usize) -> &str {
        self.tokens.get(at).filter(|token| !token.literal).map_or("", |token| &token.text)
    }

    fn found(&mut self, at: usize, room: &str) {
        self.imports.push(Import { line: self.tokens[at].line, room: room.to_owned() });
    }

    /// `at` follows `crate::`, or stands at an element of a group that does.
    fn below_root(&mut self, at: usize) {
        match self.text(at) {
            "{" => self.elements(at).into_iter().for_each(|element| self.below_root(element)),
            "*" | "self" => self.found(at, "*"),
            "" | "}" => {}
            room => {
                let room = room.to_owned();
                self.found(at, &room);
            }
        }
    }

    /// `at` is the `super` that climbs the `climbed`-th level from a module `depth` levels below the root.
    fn climb(&mut self, at: usize, climbed: usize, depth: usize) {
        match self.text(at + 1) {
            "::" if climbed == depth => self.below_root(at + 2),
            "as" if climbed == depth => self.found(at, "*"),
            "::" => self.climb_on(at + 2, climbed, depth),
            _ => {}
        }
    }

    fn climb_on(&mut self, at: usize, climbed: usize, depth: usize) {
        match self.text(at) {
            "super" => self.climb(at, climbed + 1, depth),
            "{" => {
                for element in self.elements(at) {
                    self.climb_on(element, climbed, depth);
                }
            }
            _ => {}
        }
    }

    /// Where the elements of the group that opens at `open` begin.
    fn elements(&self, open: usize) -> Vec<usize> {
        let mut starts = vec![open + 1];
        let mut depth = 0;
        for at in open..self.tokens.len() {
            match self.text(at) {
                "{" => depth += 1,
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                "," if depth == 1 => starts.push(at + 1),
                _ => {}
            }
        }
        starts
    }
}

/// Follows the `mod` declarations from `root` (a `lib.rs`) and gives each file with its module path, the root's being
/// empty. A declared file that is not there is left out: the compiler speaks of that.
pub(crate) fn module_files(root: &Path) -> BTreeMap<PathBuf, Vec<String>> {
    let mut files = BTreeMap::new();
    let mut open = vec![(root.to_owned(), Vec::new(), true)];
    while let Some((file, module, owns_directory)) = open.pop() {
        let Ok(source) = fs::read_to_string(&file) else { continue };
        let tokens = tokens(&source);
        let directory = file.parent().unwrap_or(Path::new("")).to_owned();
        // Children of `a/mod.rs` lie in `a`, children of `a.rs` too.
        let below = match file.file_stem() {
            Some(stem) if !owns_directory => directory.join(stem),
            _ => directory.clone(),
        };
        for child in scan(&tokens, module.len()).declared {
            let nest = child.inside.iter().fold(below.clone(), |path, name| path.join(name));
            let mut path = module.clone();
            path.extend(child.inside.iter().cloned());
            path.push(child.name.clone());
            match child.path {
                Some(named) if child.inside.is_empty() => {
                    open.push((directory.join(named), path, true))
                }
                Some(named) => open.push((nest.join(named), path, true)),
                None => {
                    open.push((nest.join(format!("{}.rs", child.name)), path.clone(), false));
                    open.push((nest.join(&child.name).join("mod.rs"), path, true));
                }
            }
        }
        files.insert(file, module);
    }
    files
}

/// The lines on which a lint that guards the core's determinism is allowed (or expected) without a `reason`.
pub(crate) fn bans_lifted_without_reason(tokens: &[Token]) -> Vec<usize> {
    let scan = Scan { tokens, imports: Vec::new(), declared: Vec::new() };
    let mut lines = Vec::new();
    for at in 0..tokens.len() {
        if !matches!(scan.text(at), "allow" | "expect") || scan.text(at + 1) != "(" {
            continue;
        }
        let end = (at..tokens.len()).find(|&end| scan.text(end) == ")").unwrap_or(tokens.len());
        // A whole group of lints carries the bans with it.
        let lifted = (at..end).any(|at| {
            scan.text(at) == "clippy"
                && (scan.text(at + 2).starts_with("disallowed_")
                    || matches!(scan.text(at + 2), "all" | "style"))
        });
        let reason = (at..end).any(|at| {
            scan.text(at) == "reason"
                && scan.text(at + 1) == "="
                && tokens
                    .get(at + 2)
                    .is_some_and(|token| token.literal && !token.text.trim().is_empty())
        });
        if lifted && !reason {
            lines.push(tokens[at].line);
        }
    }
    lines
}
