//! How a server of the workspace is opened: variables are replaced, files read and programs run only when it is.

use std::path::{Path, PathBuf};

use super::access::{AuthSettings, FileSetting, TlsSettings, ValueSetting};
use super::{Environment, EnvironmentSettings, SettingsError, Workspace, command};
use crate::endpoint::{Address, Credentials};

/// The most a file with a value may hold, in bytes.
const MOST: u64 = 64 * 1024;

/// What a workspace says about opening one of its servers.
#[derive(Clone, Debug)]
pub struct Access {
    root: PathBuf,
    file: PathBuf,
    tls: Option<(TlsSettings, String)>,
    auth: Option<(AuthSettings, String)>,
}

impl Access {
    pub(super) fn new(
        workspace: &Workspace,
        name: &str,
        settings: &EnvironmentSettings,
        server: &str,
    ) -> Self {
        let own = settings.servers.get(server);
        let environment = format!("environment `{name}`");
        let of_server = format!("server `{name}/{server}`");
        let pick = |of_server: &String, own: bool| if own { of_server.clone() } else { environment.clone() };
        let own_tls = own.and_then(|own| own.tls.clone());
        let own_auth = own.and_then(|own| own.auth.clone());
        let tls_owner = pick(&of_server, own_tls.is_some());
        let auth_owner = pick(&of_server, own_auth.is_some());
        Self {
            root: workspace.root.clone(),
            file: workspace.file(),
            tls: own_tls.or_else(|| settings.tls.clone()).map(|tls| (tls, tls_owner)),
            auth: own_auth.or_else(|| settings.auth.clone()).map(|auth| (auth, auth_owner)),
        }
    }

    /// Whether both say the same of certificates and of who we are.
    #[must_use]
    pub fn opens_like(&self, other: &Self) -> bool {
        let said = |access: &Self| {
            let tls = access.tls.as_ref().map(|(tls, _)| tls.clone());
            (tls.unwrap_or_default(), access.auth.as_ref().map(|(auth, _)| auth.clone()).unwrap_or_default())
        };
        said(self) == said(other)
    }

    /// For values alone.
    pub(super) fn of_files(workspace: &Workspace) -> Self {
        Self { root: workspace.root.clone(), file: workspace.file(), tls: None, auth: None }
    }

    /// Gives the address the options the workspace has for it, and returns the credentials. What the address says itself
    /// stays.
    ///
    /// # Errors
    /// When a variable is not set, a file cannot be read, or a program fails.
    pub fn unlock(
        &self,
        address: &mut Address,
        environment: &Environment,
    ) -> Result<Option<Credentials>, SettingsError> {
        if let Some((tls, owner)) = &self.tls {
            let files =
                [("ca", "ca", &tls.ca), ("certificate", "cert", &tls.certificate), ("key", "key", &tls.key)];
            for (key, option, file) in files {
                self.grant_file(
                    address,
                    environment,
                    option,
                    file.as_ref().map(|FileSetting(path)| path.as_str()),
                    &format!("`tls.{key}` of {owner}"),
                )?;
            }
        }
        let Some((auth, owner)) = &self.auth else {
            return Ok(None);
        };
        if let Some(sasl) = auth.sasl {
            address.grant("sasl", sasl.name().to_owned(), &format!("`auth.sasl` of {owner}"));
        }
        for (name, value) in &auth.headers {
            let what = format!("`auth.headers.{name}` of {owner}");
            let value = self.value(value, &what, environment)?;
            address.grant("header", format!("{name}: {value}"), &what);
        }
        if address.credentials.is_some() {
            return Ok(None);
        }
        for (key, kept) in [("creds", &auth.creds), ("nkey", &auth.nkey)] {
            let what = format!("`auth.{key}` of {owner}");
            match kept {
                // What a file would hold ends its last line, by which the system tells it from the path of one.
                Some(program @ ValueSetting::Command(_)) => {
                    let text = self.value(program, &what, environment)? + "\n";
                    address.grant(key, text, &what);
                }
                Some(ValueSetting::Text(path) | ValueSetting::File(path)) => {
                    self.grant_file(address, environment, key, Some(path), &what)?;
                }
                None => {}
            }
        }
        self.credentials(auth, owner, environment)
    }

    fn credentials(
        &self,
        auth: &AuthSettings,
        owner: &str,
        environment: &Environment,
    ) -> Result<Option<Credentials>, SettingsError> {
        let value = |key: &str, setting: &Option<ValueSetting>| {
            let what = format!("`auth.{key}` of {owner}");
            setting.as_ref().map(|setting| self.value(setting, &what, environment)).transpose()
        };
        let (username, password) = (value("username", &auth.username)?, value("password", &auth.password)?);
        let token = value("token", &auth.token)?;
        if username.is_none() && password.is_none() && token.is_none() {
            return Ok(None);
        }
        Ok(Some(Credentials {
            username: username.unwrap_or_default(),
            password: token.or(password).unwrap_or_default(),
        }))
    }

    fn grant_file(
        &self,
        address: &mut Address,
        environment: &Environment,
        option: &str,
        file: Option<&str>,
        what: &str,
    ) -> Result<(), SettingsError> {
        let Some(path) = file else {
            return Ok(());
        };
        let path = self.root.join(expand(path, what, &self.file, environment)?);
        address.grant(option, path.display().to_string(), what);
        Ok(())
    }

    /// A value, wherever it is found; `what` names it in messages.
    pub(super) fn value(
        &self,
        setting: &ValueSetting,
        what: &str,
        environment: &Environment,
    ) -> Result<String, SettingsError> {
        let wrong = |message: String, help: &str| SettingsError::Value {
            what: what.to_owned(),
            path: self.file.clone(),
            message,
            help: help.to_owned(),
        };
        match setting {
            ValueSetting::Text(text) => expand(text, what, &self.file, environment),
            ValueSetting::File(path) => {
                let path = self.root.join(expand(path, what, &self.file, environment)?);
                read_value(&path)
                    .map_err(|message| wrong(message, "`file` names a file that holds only the value"))
            }
            ValueSetting::Command(words) => {
                let words = words.iter().map(|word| expand(word, what, &self.file, environment));
                let words = words.collect::<Result<Vec<_>, _>>()?;
                let help = "`command` names a program that prints only the value; try it in the directory of the workspace";
                command::run(&words, &self.root, command::PATIENCE).map_err(|message| wrong(message, help))
            }
        }
    }
}

fn read_value(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let length = std::fs::metadata(path).map_err(|error| format!("cannot read `{shown}`: {error}"))?.len();
    if length > MOST {
        return Err(format!("`{shown}` is larger than {MOST} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let value = command::without_end_of_line(&text);
    if value.is_empty() { Err(format!("`{shown}` is empty")) } else { Ok(value.to_owned()) }
}

/// The text with each `${VARIABLE}` replaced; `what` names it in messages.
pub(super) fn expand(
    text: &str,
    what: &str,
    file: &Path,
    environment: &Environment,
) -> Result<String, SettingsError> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            return Err(SettingsError::Unclosed { what: what.to_owned(), path: file.to_owned() });
        };
        let name = &rest[start + 2..start + length];
        let value = environment
            .get(name)
            .ok_or_else(|| SettingsError::Unset { name: name.to_owned(), path: file.to_owned() })?;
        expanded.push_str(&rest[..start]);
        expanded.push_str(value);
        rest = &rest[start + length + 1..];
    }
    expanded.push_str(rest);
    Ok(expanded)
}
