//! The schema registry of an environment: where it is and who we are there.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::access::{FileSetting, ValueSetting, given};
use super::{Access, Environment, SettingsError, Workspace};
use crate::registry::RegistrySettings;

/// The schema registry of an environment: its address alone, or with who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrySetting {
    /// The address; `${VARIABLE}` is replaced.
    pub url: String,
    /// The user.
    pub username: Option<ValueSetting>,
    /// The password.
    pub password: Option<ValueSetting>,
    /// A token, instead of user and password.
    pub token: Option<ValueSetting>,
    /// The authorities to trust; those of the platform without it.
    pub ca: Option<FileSetting>,
}

struct RegistryVisitor;

impl<'de> Visitor<'de> for RegistryVisitor {
    type Value = RegistrySetting;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "the address of a schema registry, or `{ url: ADDRESS }` with `username`, `password`, `token` and `ca`",
        )
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RegistrySetting, E> {
        let url = text.to_owned();
        Ok(RegistrySetting { url, username: None, password: None, token: None, ca: None })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RegistrySetting, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            url: String,
            #[serde(default, deserialize_with = "given")]
            username: Option<ValueSetting>,
            #[serde(default, deserialize_with = "given")]
            password: Option<ValueSetting>,
            #[serde(default, deserialize_with = "given")]
            token: Option<ValueSetting>,
            #[serde(default, deserialize_with = "given")]
            ca: Option<FileSetting>,
        }
        let Written { url, username, password, token, ca } =
            Written::deserialize(MapAccessDeserializer::new(map))?;
        if token.is_some() && (username.is_some() || password.is_some()) {
            return Err(Error::custom("either `token`, or `username` and `password`, is expected"));
        }
        Ok(RegistrySetting { url, username, password, token, ca })
    }
}

impl<'de> Deserialize<'de> for RegistrySetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RegistryVisitor)
    }
}

impl Workspace {
    /// The schema registry of the environment called `name`, or of the default one. Files are read and programs run that
    /// hold what it takes.
    ///
    /// # Errors
    /// When there is no such environment, a variable is not set, a file cannot be read, a program fails, or the address
    /// is none.
    pub fn registry(
        &self,
        name: Option<&str>,
        environment: &Environment,
    ) -> Result<Option<RegistrySettings>, SettingsError> {
        let Some((name, settings)) = self.environment(name)? else {
            return Ok(None);
        };
        let Some(written) = &settings.registry else {
            return Ok(None);
        };
        let access = Access::of_files(self);
        let what = |key: &str| format!("`registry{key}` of environment `{name}`");
        let value = |key: &str, setting: &Option<ValueSetting>| {
            setting.as_ref().map(|setting| access.value(setting, &what(key), environment)).transpose()
        };
        let url = access.value(&ValueSetting::Text(written.url.clone()), &what(".url"), environment)?;
        let mut found = RegistrySettings::parse(&url).map_err(|error| SettingsError::Value {
            what: what(""),
            path: self.file(),
            message: error.message,
            help: error.help,
        })?;
        let (username, password) =
            (value(".username", &written.username)?, value(".password", &written.password)?);
        if username.is_some() || password.is_some() {
            found.user = Some((username.unwrap_or_default(), password.unwrap_or_default()));
        }
        found.token = value(".token", &written.token)?.or(found.token);
        let ca = written.ca.as_ref().map(|FileSetting(path)| ValueSetting::Text(path.clone()));
        let ca = value(".ca", &ca)?.map(|path| self.root.join(path));
        // A path in the address is relative to the file as well.
        found.ca = ca.or_else(|| found.ca.map(|path| self.root.join(path)));
        Ok(Some(found))
    }
}
