//! Templates, answers and projects that mean harm: each is refused by name, and nothing is written anywhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A template beside an empty place for projects.
struct Trap {
    home: TempDir,
}

impl Trap {
    fn new(manifest: &str, files: &[(&str, &str)]) -> Self {
        let trap = Self { home: tempfile::tempdir().expect("temporary directory") };
        let head = "format: 1\nname: x\nversion: 1.0.0\ndescription: X\n";
        trap.write("template/template.yaml", &format!("{head}{manifest}"));
        for (path, text) in files {
            trap.write(&format!("template/{path}"), text);
        }
        trap
    }

    fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let place = self.path(path);
        fs::create_dir_all(place.parent().expect("a parent")).expect("made");
        fs::write(place, text).expect("written");
    }

    fn eddy(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env("NO_COLOR", "1")
            .output()
            .expect("eddy runs")
    }

    /// What `eddy new` says of it; nothing but the template is there afterwards.
    #[track_caller]
    fn refusal(&self, more: &[&str]) -> String {
        let mut arguments = vec!["new", "./template", "project", "--defaults"];
        arguments.extend(more);
        let output = self.eddy(&arguments);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(!self.path("project").exists(), "nothing is written");
        assert!(!errors.contains('\u{1b}'), "no escape reaches the terminal: {errors:?}");
        errors
    }

    /// What comes of a file whose name is an answer.
    #[track_caller]
    fn named(answer: &str) -> String {
        let trap = Self::new("variables: { name: {} }\n", &[("src/{{ name }}", "")]);
        trap.refusal(&["--set", &format!("name={answer}")])
    }
}

#[test]
fn an_absolute_path() {
    assert!(Trap::named("/etc/x").contains("cannot contain '/'"));
}

#[test]
fn a_way_out_by_dots() {
    assert!(Trap::named("../x").contains("cannot contain '/'"));
    let trap = Trap::new("variables: { name: {} }\n", &[("{{ name }}/x", "")]);
    assert!(trap.refusal(&["--set", "name=.."]).contains("lead out of the directory"));
}

#[test]
fn a_way_out_in_percent_signs() {
    for answer in ["%2e%2e", "%2E%2E%2Fx", "..%5cx", "a%2fb", "a%00", "%252e%252e"] {
        assert!(Trap::named(answer).contains("percent signs"), "{answer}");
    }
}

#[test]
fn a_backslash_a_share_and_a_drive() {
    for answer in ["..\\x", "\\\\host\\share", "C:x"] {
        assert!(Trap::named(answer).contains("cannot contain"), "{answer}");
    }
}

#[test]
fn letters_that_look_like_separators() {
    for answer in ["a\u{ff0f}b", "a\u{2215}b", "a\u{ff3c}b", "\u{2025}"] {
        assert!(Trap::named(answer).contains("looks like"), "{answer}");
    }
}

#[test]
fn a_zero_byte_and_an_escape_in_a_name() {
    let trap = Trap::new("variables: { name: { default: \"a\\0b\" } }\n", &[("{{ name }}.txt", "")]);
    assert!(trap.refusal(&[]).contains("control characters"));
    assert!(Trap::named("\u{1b}[31mx").contains("control characters"));
    assert!(Trap::named("a\u{202e}txt.exe").contains("control characters"));
}

#[test]
fn a_device_of_windows() {
    for answer in ["CON", "aux", "LPT1"] {
        assert!(Trap::named(answer).contains("device"), "{answer}");
    }
}

#[test]
#[cfg(unix)]
fn links_in_the_template_to_files_directories_links_and_nothing() {
    for target in ["/etc/passwd", "/etc", "link-to-a-link", "/nowhere/at/all"] {
        let trap = Trap::new("", &[("a", "")]);
        std::os::unix::fs::symlink("/etc/passwd", trap.path("link-to-a-link")).expect("linked");
        std::os::unix::fs::symlink(target, trap.path("template/link")).expect("linked");
        assert!(trap.refusal(&[]).contains("`link` is a symbolic link"), "{target}");
    }
}

#[test]
#[cfg(unix)]
fn a_pipe_in_the_template() {
    let trap = Trap::new("", &[("a", "")]);
    let made = Command::new("mkfifo").arg(trap.path("template/pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    assert!(trap.refusal(&[]).contains("`pipe` is a symbolic link or a special file"));
}

#[test]
#[cfg(unix)]
fn links_in_the_project_are_not_written_through() {
    for (link, target) in [("a", "outside-file"), ("src", "outside"), ("src", "nowhere")] {
        let trap =
            Trap::new("files: [{ path: '**', policy: generated }]\n", &[("a", "1\n"), ("src/b", "1\n")]);
        let made = trap.eddy(&["new", "./template", "project", "--defaults"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        fs::create_dir(trap.path("outside")).expect("made");
        trap.write("outside-file", "mine");
        let place = trap.path("project").join(link);
        if place.is_dir() { fs::remove_dir_all(&place) } else { fs::remove_file(&place) }.expect("removed");
        std::os::unix::fs::symlink(trap.path(target), &place).expect("linked");
        trap.write("template/a", "2\n");
        trap.write("template/src/b", "2\n");
        let output = trap.eddy(&["sync", "project"]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains("is a link"), "{errors}");
        assert_eq!(fs::read_dir(trap.path("outside")).expect("listed").count(), 0);
        assert_eq!(fs::read_to_string(trap.path("outside-file")).expect("there"), "mine");
    }
}

#[test]
fn two_files_whose_names_differ_in_case_only() {
    let files = [("{{ 'A' }}.txt", ""), ("a.txt", "")];
    assert!(Trap::new("", &files).refusal(&[]).contains("written there already"));
}

#[test]
fn two_files_whose_names_are_composed_otherwise() {
    let files = [("{{ 'caf\u{e9}' }}", ""), ("{{ 'cafe\u{301}' }}", "")];
    assert!(Trap::new("", &files).refusal(&[]).contains("written there already"));
}

#[test]
fn a_loop_that_does_not_end_soon() {
    let text = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
    assert!(Trap::new("", &[("a.j2", text)]).refusal(&[]).contains("too many steps"));
}

#[test]
fn many_files_each_with_a_long_loop() {
    let text = "{% for a in range(90000) %}{% for b in range(9) %}{% endfor %}{% endfor %}";
    let rules = "files: [{ path: a, each: 'range(9000) as n', name: 'a{{ n }}' }]\n";
    assert!(Trap::new(rules, &[("a.j2", text)]).refusal(&[]).contains("too many steps"));
}

#[test]
fn a_text_that_grows_without_bound() {
    let text = "{% for a in range(99999) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}";
    assert!(Trap::new("", &[("a.j2", text)]).refusal(&[]).contains("larger than"));
}

#[test]
fn more_files_than_anybody_needs() {
    let rules = "files: [{ path: a, each: 'range(10001) as n', name: 'a{{ n }}' }]\n";
    assert!(Trap::new(rules, &[("a.j2", "")]).refusal(&[]).contains("more than 10000 files"));
}

#[test]
fn many_files_that_are_large_together() {
    let text = "x".repeat(1 << 20);
    let rules = "files: [{ path: a, policy: raw, each: 'range(2000) as n', name: 'a{{ n }}' }]\n";
    assert!(Trap::new(rules, &[("a", &text)]).refusal(&[]).contains("MiB in all"));
}

#[test]
fn a_template_of_too_many_bytes() {
    let trap = Trap::new("", &[]);
    let file = fs::File::create(trap.path("template/a")).expect("made");
    file.set_len((32 << 20) + 1).expect("set");
    assert!(trap.refusal(&[]).contains("32 MiB"));
}

#[test]
fn aliases_of_yaml_that_multiply() {
    let lists = (1..30).map(|at| format!("  l{at}: &l{at} [*l{0}, *l{0}, *l{0}, *l{0}]\n", at - 1));
    let bomb: String = std::iter::once("a:\n  l0: &l0 [x]\n".to_owned()).chain(lists).collect();
    let trap = Trap::new("", &[("a", "")]);
    trap.write("answers.yaml", &bomb);
    assert!(trap.refusal(&["--answers", "answers.yaml"]).contains("cannot read answers"));
    assert!(Trap::new(&bomb, &[]).refusal(&[]).contains("template.yaml"));
}

#[test]
fn a_tag_of_yaml() {
    let trap = Trap::new("variables: { name: { default: !!python/object/apply:os.system [id] } }\n", &[]);
    trap.refusal(&[]);
}

#[test]
fn an_include_from_outside_of_the_template() {
    for text in
        ["{% include '/etc/hostname' %}", "{% include '../template.yaml' %}", "{% include 'template.yaml' %}"]
    {
        assert!(Trap::new("", &[("a.j2", text)]).refusal(&[]).contains("a.j2:1"), "{text}");
    }
}

#[test]
fn escapes_in_what_is_asked() {
    for (manifest, what) in [
        ("variables: { name: { prompt: \"\\e[2Jname\" } }\n", "prompt"),
        ("variables: { name: { type: choice, choices: [\"a\\e[0m\"] } }\n", "choice"),
        ("next_steps: \"\\e]0;title\\a\"\n", "next_steps"),
        ("variables: { name: { prompt: \"a\\u202Eb\" } }\n", "prompt"),
    ] {
        let errors = Trap::new(manifest, &[]).refusal(&["--set", "name=a"]);
        assert!(errors.contains(what) && errors.contains("control characters"), "{errors}");
    }
}

#[test]
fn a_question_for_a_secret() {
    for name in ["db_password", "api_key", "client_secret"] {
        let errors = Trap::new(&format!("variables: {{ {name}: {{ default: a }} }}\n"), &[]).refusal(&[]);
        assert!(errors.contains("asks for a secret"), "{errors}");
    }
    let errors = Trap::new("variables: { name: { type: secret } }\n", &[]).refusal(&[]);
    assert!(errors.contains("unknown variant `secret`"), "{errors}");
}

#[test]
fn an_answer_with_a_secret_in_it() {
    let token = format!("{}_{}", "ghp", "a".repeat(36));
    let key = format!("-----BEGIN {} KEY-----", "PRIVATE");
    for secret in ["amqp://user:hunter2@host/x", token.as_str(), key.as_str()] {
        let trap = Trap::new("variables: { name: {} }\n", &[("a.j2", "{{ name }}")]);
        let errors = trap.refusal(&["--set", &format!("name={secret}")]);
        assert!(errors.contains("has a secret in it") && !errors.contains(secret), "{errors}");
    }
}

#[test]
fn an_answer_of_a_mebibyte() {
    let trap = Trap::new("variables: { name: {} }\n", &[("a.j2", "{{ name }}")]);
    trap.write("answers.yaml", &format!("name: {}\n", "x".repeat(100_000)));
    assert!(trap.refusal(&["--answers", "answers.yaml"]).contains("at most"));
}

#[test]
fn a_file_of_eddy_itself() {
    for path in ["eddy.lock.yaml", ".eddy/base.ndjson.zst", "{{ '.EDDY' }}"] {
        assert!(Trap::new("", &[(path, "")]).refusal(&[]).contains("eddy's own"), "{path}");
    }
}

#[test]
fn a_migration_out_of_the_project() {
    for rule in
        ["rename: { a: ../b }", "rename: { /etc/passwd: b }", "remove: [../../x]", "remove: [.eddy/sync]"]
    {
        let manifest = format!("migrations: [{{ to: 1.0.0, {rule} }}]\n");
        assert!(Trap::new(&manifest, &[]).refusal(&[]).contains("migrations"), "{rule}");
    }
}

#[test]
fn a_lock_out_of_the_project() {
    let trap = Trap::new("", &[("a", "1\n")]);
    assert!(trap.eddy(&["new", "./template", "project"]).status.success());
    let lock = trap.path("project/eddy.lock.yaml");
    let text = fs::read_to_string(&lock).expect("there").replace("path: a", "path: ../mine");
    fs::write(&lock, text).expect("written");
    trap.write("mine", "mine");
    let output = trap.eddy(&["sync", "project"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("lead out of the directory"));
    assert!(Path::new(&trap.path("mine")).exists());
}

#[test]
fn the_contract_of_a_project_in_a_project_reaches_no_file_of_this_machine() {
    let trap = Trap::new(
        "projects: [{ template: go-service, path: p, contract: c.yaml }]\nfiles: [{ path: c.yaml, policy: raw }]\n",
        &[],
    );
    trap.write("secret.yaml", "type: string\ndescription: hidden\n");
    let contract = format!(
        "asyncapi: 3.0.0\ninfo: {{title: X, version: 1.0.0}}\nchannels:\n  a:\n    address: a\n    messages:\n      \
         A: {{payload: {{$ref: '{}'}}}}\noperations:\n  onA: {{action: receive, channel: {{$ref: '#/channels/a'}}}}\n",
        trap.path("secret.yaml").display()
    );
    trap.write("template/c.yaml", &contract);
    let said = trap.refusal(&[]);
    assert!(said.contains("project `p` (`go-service`)"), "{said}");
    assert!(said.contains("which the template does not write"), "{said}");
}
