//! The object storage of an environment: where it is and who we are there.

use serde::Deserialize;

use super::access::{ValueSetting, given};
use super::{Access, Environment, SettingsError, Workspace};
use crate::archive::ObjectAccess;

/// How buckets under `s3://` are reached; what is missing comes from the variables that AWS's own tools read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StorageSetting {
    /// The address of a server other than those of AWS; `${VARIABLE}` is replaced.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The region; `${VARIABLE}` is replaced.
    #[serde(default)]
    pub region: Option<String>,
    /// The name of the key.
    #[serde(default, deserialize_with = "given")]
    pub access_key: Option<ValueSetting>,
    /// The key itself.
    #[serde(default, deserialize_with = "given")]
    pub secret_key: Option<ValueSetting>,
}

impl Workspace {
    /// How the environment called `name`, or the default one, reaches buckets. Files are read and programs run that hold
    /// what it takes.
    ///
    /// # Errors
    /// When there is no such environment, a variable is not set, a file cannot be read, or a program fails.
    pub fn storage(
        &self,
        name: Option<&str>,
        environment: &Environment,
    ) -> Result<Option<ObjectAccess>, SettingsError> {
        let Some((name, settings)) = self.environment(name)? else {
            return Ok(None);
        };
        let Some(written) = &settings.storage else {
            return Ok(None);
        };
        let access = Access::of_files(self);
        let value = |key: &str, setting: Option<ValueSetting>| {
            let what = format!("`storage.{key}` of environment `{name}`");
            setting.map(|setting| access.value(&setting, &what, environment)).transpose()
        };
        let text = |text: &Option<String>| text.clone().map(ValueSetting::Text);
        Ok(Some(ObjectAccess {
            endpoint: value("endpoint", text(&written.endpoint))?,
            region: value("region", text(&written.region))?,
            access_key: value("access-key", written.access_key.clone())?,
            secret_key: value("secret-key", written.secret_key.clone())?,
        }))
    }
}
