//! What masking takes from a workspace: the key of its tokens.

use serde::Deserialize;

use super::access::{ValueSetting, given};
use super::{Access, Environment, SettingsError, Workspace};

/// What a workspace says of masking.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskSetting {
    /// The key of tokens.
    #[serde(default, deserialize_with = "given")]
    pub key: Option<ValueSetting>,
}

impl Workspace {
    /// The key of tokens, when the workspace has one. The file is read or the program run that holds it.
    ///
    /// # Errors
    /// When a variable is not set, the file cannot be read, or the program fails.
    pub fn mask_key(&self, environment: &Environment) -> Result<Option<String>, SettingsError> {
        let key = self.settings.mask.as_ref().and_then(|mask| mask.key.as_ref());
        let access = Access::of_files(self);
        key.map(|key| access.value(key, "`mask.key`", environment)).transpose()
    }
}
