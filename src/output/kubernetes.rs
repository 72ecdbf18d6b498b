//! The Kubernetes Indexed Job of a replay, as YAML: the fields it needs, typed, in the order people write them.

use serde::Serialize;

/// What the job is made of.
#[derive(Clone, Copy, Debug)]
pub struct JobView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: Option<&'a str>,
    /// The image with the program.
    pub image: &'a str,
    /// The claim of the volume.
    pub claim: &'a str,
    /// Where it is mounted.
    pub mount: &'a str,
    /// Secrets with variables.
    pub secrets: &'a [String],
    /// How many pods.
    pub shards: u32,
    /// How often pods may fail.
    pub backoff_limit: u32,
    /// The archive.
    pub archive: &'a str,
    /// The target.
    pub target: &'a str,
    /// The ledger, to whose name each shard adds its own.
    pub ledger: &'a str,
    /// Further flags.
    pub flags: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Job<'a> {
    api_version: &'static str,
    kind: &'static str,
    metadata: Metadata<'a>,
    spec: JobSpec<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JobSpec<'a> {
    completion_mode: &'static str,
    completions: u32,
    parallelism: u32,
    backoff_limit: u32,
    template: PodTemplate<'a>,
}

#[derive(Serialize)]
struct PodTemplate<'a> {
    spec: PodSpec<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec<'a> {
    restart_policy: &'static str,
    /// Long enough for the receipts under way and the ledger.
    termination_grace_period_seconds: u32,
    containers: [Container<'a>; 1],
    volumes: [Volume<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Container<'a> {
    name: &'static str,
    image: &'a str,
    /// Arguments of the program that the image starts by itself would stand before these.
    command: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    env_from: Vec<EnvironmentFrom<'a>>,
    volume_mounts: [VolumeMount<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvironmentFrom<'a> {
    secret_ref: Reference<'a>,
}

#[derive(Serialize)]
struct Reference<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VolumeMount<'a> {
    name: &'static str,
    mount_path: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Volume<'a> {
    name: &'static str,
    persistent_volume_claim: Claim<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Claim<'a> {
    claim_name: &'a str,
}

/// What the volume is called within the job.
const VOLUME: &str = "recordings";

/// The manifest.
///
/// # Errors
/// When it cannot be written as YAML.
pub fn job(view: &JobView<'_>) -> Result<String, serde_yaml::Error> {
    let shard = format!("auto/{}", view.shards);
    let mut command = vec!["eddy", "replay", view.archive, "--to", view.target, "--shard", &shard];
    command.extend(["--ledger", view.ledger, "--resume", "--format", "json"]);
    // `$(NAME)` in a command is replaced by Kubernetes, and `$$` is how it is told not to.
    let literal: Vec<String> = command
        .into_iter()
        .chain(view.flags.iter().map(String::as_str))
        .map(|word| word.replace("$(", "$$("))
        .collect();
    let secrets = view.secrets.iter().map(|name| EnvironmentFrom { secret_ref: Reference { name } });
    let container = Container {
        name: "replay",
        image: view.image,
        command: literal.iter().map(String::as_str).collect(),
        env_from: secrets.collect(),
        volume_mounts: [VolumeMount { name: VOLUME, mount_path: view.mount }],
    };
    let claim = Claim { claim_name: view.claim };
    let pod = PodSpec {
        restart_policy: "OnFailure",
        termination_grace_period_seconds: 60,
        containers: [container],
        volumes: [Volume { name: VOLUME, persistent_volume_claim: claim }],
    };
    let spec = JobSpec {
        completion_mode: "Indexed",
        completions: view.shards,
        parallelism: view.shards,
        backoff_limit: view.backoff_limit,
        template: PodTemplate { spec: pod },
    };
    let metadata = Metadata { name: view.name, namespace: view.namespace };
    serde_yaml::to_string(&Job { api_version: "batch/v1", kind: "Job", metadata, spec })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{JobView, job};

    /// What the API of Kubernetes says about the fields of `batch/v1` that are used here; it drops unknown ones silently.
    fn schema() -> Value {
        let text = json!({ "type": "string", "minLength": 1 });
        let object = |required: &[&str], properties: Value| json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties });
        let list = |items: Value| json!({ "type": "array", "minItems": 1, "items": items });
        let container = object(
            &["name", "image", "command", "volumeMounts"],
            json!({ "name": text, "image": text, "command": list(text.clone()),
                "envFrom": list(object(&["secretRef"], json!({ "secretRef": object(&["name"], json!({ "name": text })) }))),
                "volumeMounts": list(object(&["name", "mountPath"], json!({ "name": text, "mountPath": text }))) }),
        );
        let claim = object(&["claimName"], json!({ "claimName": text }));
        let volume = object(
            &["name", "persistentVolumeClaim"],
            json!({ "name": text, "persistentVolumeClaim": claim }),
        );
        let pod = object(
            &["restartPolicy", "containers", "volumes"],
            json!({ "restartPolicy": { "enum": ["Never", "OnFailure"] },
                "terminationGracePeriodSeconds": { "type": "integer" },
                "containers": list(container), "volumes": list(volume) }),
        );
        let number = json!({ "type": "integer", "minimum": 0 });
        let spec = object(
            &["completionMode", "completions", "parallelism", "template"],
            json!({ "completionMode": { "const": "Indexed" }, "completions": number, "parallelism": number,
                "backoffLimit": number, "template": object(&["spec"], json!({ "spec": pod })) }),
        );
        let metadata = object(&["name"], json!({ "name": text, "namespace": text }));
        object(
            &["apiVersion", "kind", "metadata", "spec"],
            json!({ "apiVersion": { "const": "batch/v1" }, "kind": { "const": "Job" }, "metadata": metadata,
                "spec": spec }),
        )
    }

    #[test]
    fn the_manifest_has_the_fields_of_the_api_and_no_others() {
        let secrets = ["login".to_owned()];
        let flags = ["--speed".to_owned(), "10".to_owned(), "--match".to_owned(), "a: $(B) #c".to_owned()];
        let mut view = JobView {
            name: "x",
            namespace: None,
            image: "eddy:1",
            claim: "recordings",
            mount: "/data",
            secrets: &[],
            shards: 4,
            backoff_limit: 6,
            archive: "/data/a.eddy.ndjson.zst",
            target: "kafka://k",
            ledger: "/data/x.ledger",
            flags: &[],
        };
        let validator = jsonschema::validator_for(&schema()).expect("a schema");
        for more in [false, true] {
            if more {
                (view.namespace, view.secrets, view.flags) = (Some("shop"), &secrets, &flags);
            }
            let text = job(&view).expect("YAML");
            let value: Value = serde_yaml::from_str(&text).expect("YAML");
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}\n{text}");
            let command = &value["spec"]["template"]["spec"]["containers"][0]["command"];
            assert_eq!(command[6], "auto/4", "{command}");
            assert_eq!(command.get(15), more.then(|| json!("a: $$(B) #c")).as_ref(), "{command}");
        }
    }
}
