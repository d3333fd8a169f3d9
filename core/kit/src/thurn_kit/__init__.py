"""Public parts that several plugins need and the host does not, between `thurn.plugin` and plugins.

Rules of this distribution:
1. Plugins of this repository and of third parties use it alike.
2. It imports the façade of the host and the pure libraries, never a plugin. It re-exports three
   parts that the host needs itself: `exclusive`, `table`, and the option `--config` of `commands`.
3. A part that only one plugin needs stays in that plugin.

    grants        the grant table: who may relay from where, to what, until when, and why
    sources       addresses, networks, sessions and destinations as settings and commands write them
    accounts      login names, sub-addresses, and password hashes
    scram         stored keys for SCRAM, and the preparation of names and passwords (SASLprep)
    certificates  when certificates end, for the status of TLS plugins
    named         accounts that settings of rules and policies name
    spool         private files for contents that are too large for memory
    notices       notices between the tasks of one process
    commands      commands of plugins that open a part of the site
    table         tables, facts and JSON as every command prints them
    exclusive     a lock for files that several workers would make at their first start
"""
