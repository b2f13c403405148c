use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt;

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// Types what it was told to, and keeps the prompts it saw.
#[derive(Default)]
struct Script {
    answers: VecDeque<io::Result<SecretString>>,
    prompts: Vec<String>,
}

impl Script {
    fn typing(answers: &[&str]) -> Self {
        Self { answers: answers.iter().map(|a| Ok((*a).into())).collect(), ..Self::default() }
    }

    fn failing(error: io::Error) -> Self {
        Self { answers: [Err(error)].into(), ..Self::default() }
    }
}

impl Prompter for Script {
    fn ask(&mut self, prompt: &str) -> io::Result<SecretString> {
        self.prompts.push(prompt.to_owned());
        self.answers.pop_front().expect("no more than scripted is asked")
    }
}

fn wallet() -> WalletName {
    "main".parse().unwrap()
}

fn file(content: impl AsRef<[u8]>, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    (directory, path)
}

fn from_file(content: impl AsRef<[u8]>, mode: u32) -> Result<String, String> {
    let (_directory, path) = file(content, mode);
    let source = PasswordSource::File(path);
    let existing = source.existing(&wallet(), &mut Script::default());
    let chosen = source.chosen(&wallet(), &mut Script::default());
    let text = |result: Result<SecretString, KeystoreError>| {
        result
            .map(|password| password.expose_secret().to_owned())
            .map_err(|error| error.to_string())
    };
    let (existing, chosen) = (text(existing), text(chosen));
    assert_eq!(existing, chosen);
    existing
}

#[test]
fn the_option_goes_before_the_environment_and_that_before_the_terminal() {
    let set = |_: &str| Some(OsString::from("/env"));
    let unset = |_: &str| None;
    let empty = |_: &str| Some(OsString::new());
    let file = || Some(PathBuf::from("/flag"));
    let choose = |file, none, variable: fn(&str) -> Option<OsString>| {
        PasswordSource::choose(file, none, variable)
    };
    assert_eq!(choose(file(), false, set).unwrap(), PasswordSource::File("/flag".into()));
    assert_eq!(choose(None, false, set).unwrap(), PasswordSource::File("/env".into()));
    assert_eq!(choose(None, false, unset).unwrap(), PasswordSource::Terminal);
    assert_eq!(choose(None, false, empty).unwrap(), PasswordSource::Terminal);
    assert_eq!(choose(None, true, set).unwrap(), PasswordSource::Empty);
    let message = choose(file(), true, unset).unwrap_err().to_string();
    assert!(message.contains("--no-password and a password file (/flag) contradict"), "{message}");
    let asked = std::cell::RefCell::new(Vec::new());
    PasswordSource::choose(None, false, |name| {
        asked.borrow_mut().push(name.to_owned());
        None
    })
    .unwrap();
    assert_eq!(*asked.borrow(), ["ASSAY_PASSWORD_FILE"]);
}

#[test]
fn an_existing_password_is_asked_for_once() {
    let mut person = Script::typing(&["hunter2"]);
    let password = PasswordSource::Terminal.existing(&wallet(), &mut person).unwrap();
    assert_eq!(password.expose_secret(), "hunter2");
    assert_eq!(person.prompts, ["Password of wallet main: "]);
    let long = "x".repeat(PASSWORD_BYTES_MAX + 1);
    let result = PasswordSource::Terminal.existing(&wallet(), &mut Script::typing(&[&long]));
    assert!(matches!(result, Err(KeystoreError::PasswordTooLong)));
}

#[test]
fn a_new_password_is_typed_twice() {
    let chosen = |answers: &[&str]| {
        let mut person = Script::typing(answers);
        let result = PasswordSource::Terminal.chosen(&wallet(), &mut person);
        assert_eq!(person.answers.len(), 0, "all was asked");
        (result.map(|password| password.expose_secret().to_owned()), person.prompts)
    };
    assert_eq!(chosen(&["a", "a"]).0.unwrap(), "a");
    let (result, prompts) = chosen(&["a", "b", "c", "c"]);
    assert_eq!(result.unwrap(), "c");
    assert_eq!(prompts[0], "New password for wallet main: ");
    assert_eq!(prompts[2], "These differed. New password for wallet main: ");
    let message = chosen(&["a", "b", "a", "b", "a", "b"]).0.unwrap_err().to_string();
    assert!(message.contains("differed 3 times"), "{message}");
    let message = chosen(&[""]).0.unwrap_err().to_string();
    assert!(message.contains("say --no-password if that is what you want"), "{message}");
}

#[test]
fn no_password_asks_nobody() {
    let mut nobody = Script::default();
    for result in [
        PasswordSource::Empty.existing(&wallet(), &mut nobody),
        PasswordSource::Empty.chosen(&wallet(), &mut nobody),
    ] {
        assert_eq!(result.unwrap().expose_secret(), "");
    }
}

#[test]
fn without_a_terminal_the_message_says_what_to_do() {
    let error = io::Error::from_raw_os_error(rustix::io::Errno::NXIO.raw_os_error());
    let result = PasswordSource::Terminal.existing(&wallet(), &mut Script::failing(error));
    let message = result.unwrap_err().to_string();
    assert!(
        message.starts_with("cannot ask for the password: there is no terminal ("),
        "{message}"
    );
    assert!(
        message.ends_with(
            "put it in a file of mode 600 and name that with --password-file or ASSAY_PASSWORD_FILE"
        ),
        "{message}"
    );
    for kind in [io::ErrorKind::Interrupted, io::ErrorKind::UnexpectedEof] {
        let result = PasswordSource::Terminal.chosen(&wallet(), &mut Script::failing(kind.into()));
        assert!(matches!(result, Err(KeystoreError::Interrupted { what: "password" })));
    }
}

#[test]
fn a_file_holds_one_line() {
    for (content, password) in [
        ("hunter2", "hunter2"),
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" two words \n", " two words "),
        ("пароль\n", "пароль"),
    ] {
        assert_eq!(from_file(content, 0o600).unwrap(), password);
    }
    assert_eq!(from_file("x", 0o400).unwrap(), "x");
    for content in ["a\nb\n", "a\n\n", "a\rb", "a\0"] {
        let message = from_file(content, 0o600).unwrap_err();
        assert!(
            message.contains("does not hold a password: it has more than one line"),
            "{message}"
        );
    }
    for content in ["", "\n", "\r\n"] {
        let message = from_file(content, 0o600).unwrap_err();
        assert!(
            message.contains("holds no password: write one into it, or say --no-password"),
            "{message}"
        );
    }
    assert!(from_file([0xff, 0xfe], 0o600).unwrap_err().contains("it is not text in UTF-8"));
    assert!(from_file("x".repeat(1024), 0o600).is_ok());
    assert!(from_file("x".repeat(1025), 0o600).unwrap_err().contains("more than 1024 bytes"));
    assert!(
        from_file("x".repeat(100_000), 0o600).unwrap_err().contains("is larger than 4096 bytes")
    );
}

#[test]
fn a_file_for_others_is_refused() {
    for mode in [0o644, 0o640, 0o604, 0o620] {
        let message = from_file("hunter2", mode).unwrap_err();
        assert!(message.contains(&format!("has mode {mode:04o}")), "{message}");
        assert!(message.contains("run `chmod 600 /") && !message.contains("hunter2"), "{message}");
    }
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    let (directory, path) = file("", 0o600);
    let read = |path: PathBuf| {
        PasswordSource::File(path)
            .existing(&wallet(), &mut Script::default())
            .unwrap_err()
            .to_string()
    };
    assert!(read(path.with_file_name("none")).contains("/none: No such file"));
    let message = read(directory.path().to_owned());
    assert!(message.contains("is a directory, but must be a plain file"), "{message}");
}

#[test]
fn a_pipe_and_a_link_serve_too() {
    let (directory, path) = file("linked\n", 0o600);
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(read_password_file(&link).unwrap().expose_secret(), "linked");

    let pipe = directory.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let writer = {
        let pipe = pipe.clone();
        std::thread::spawn(move || std::fs::write(pipe, "piped\n").unwrap())
    };
    assert_eq!(read_password_file(&pipe).unwrap().expose_secret(), "piped");
    writer.join().unwrap();
}

#[test]
fn words_come_from_a_file_or_a_person() {
    let words = "abandon ".repeat(11) + "about";
    let (_directory, path) = file(words.replace(' ', "\n"), 0o600);
    let read = read_mnemonic(Some(&path), &mut Script::default()).unwrap();
    assert_eq!(read.phrase().as_str(), words);
    let typed = read_mnemonic(None, &mut Script::typing(&[&words])).unwrap();
    assert_eq!(typed, read);
    let message = read_mnemonic(None, &mut Script::typing(&["abandon"])).unwrap_err().to_string();
    assert!(message.starts_with("these words restore no wallet: 1 words were given"), "{message}");
    let (_directory, loose) = file(&words, 0o644);
    let message = read_mnemonic(Some(&loose), &mut Script::default()).unwrap_err().to_string();
    assert!(message.contains("chmod 600") && !message.contains("abandon"), "{message}");
    let absent = Script::failing(io::ErrorKind::NotFound.into());
    let message = read_mnemonic(None, &mut { absent }).unwrap_err().to_string();
    assert!(
        message.contains("cannot ask for the mnemonic") && message.contains("--mnemonic-file"),
        "{message}"
    );
}

#[test]
fn a_passphrase_may_be_empty() {
    let (_directory, path) = file("mellon\n", 0o600);
    let read = read_passphrase(Some(&path), &mut Script::default()).unwrap();
    assert_eq!(read.expose_secret(), "mellon");
    let none = read_passphrase(None, &mut Script::typing(&[""])).unwrap();
    assert_eq!(none.expose_secret(), "");
}
