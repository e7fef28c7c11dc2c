//! `${NAME}` and `${NAME:-default}` in the paths of a manifest.

use std::path::{Path, PathBuf};

/// Looks a variable up; the caller decides where (this crate knows no environment).
pub type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Replace the variables of a text. `${NAME:-default}` is the default where the variable is
/// not set or empty, as in a shell.
///
/// # Errors
/// A variable that is not set and has no default, or a `${` that is not closed; as cause.
pub(crate) fn expand(text: &str, lookup: &Lookup<'_>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        let after = &rest[start + 2..];
        let end = after
            .find('}')
            .ok_or_else(|| format!("`{text}`: a ${{ without its }}"))?;
        let (name, default) = match after[..end].split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (&after[..end], None),
        };
        let value = lookup(name).filter(|value| !value.is_empty());
        match (value, default) {
            (Some(value), _) => out.push_str(&value),
            (None, Some(default)) => out.push_str(default),
            (None, None) => {
                return Err(format!("`{text}`: the variable {name} is not set"));
            }
        }
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// A path of a manifest: variables replaced, and relative to the manifest's folder.
pub(crate) fn resolve(text: &str, folder: &Path, lookup: &Lookup<'_>) -> Result<PathBuf, String> {
    let expanded = expand(text, lookup)?;
    let path = Path::new(&expanded);
    Ok(if path.is_absolute() {
        path.to_owned()
    } else {
        folder.join(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_apply_where_a_variable_is_not_set() {
        let lookup = |name: &str| (name == "DATA").then(|| "/data".to_owned());
        assert_eq!(expand("${DATA}/a", &lookup), Ok("/data/a".to_owned()));
        assert_eq!(expand("${DATA:-x}/a", &lookup), Ok("/data/a".to_owned()));
        assert_eq!(expand("${OTHER:-../x}/a", &lookup), Ok("../x/a".to_owned()));
        assert!(expand("${OTHER}/a", &lookup).is_err());
        assert!(expand("${DATA/a", &lookup).is_err());
        let path = resolve("${OTHER:-../x}", Path::new("/m"), &lookup);
        assert_eq!(path, Ok(PathBuf::from("/m/../x")));
    }
}
