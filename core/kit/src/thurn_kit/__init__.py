"""What several plugins need and the host does not: public parts between `thurn.plugin` and plugins.

Rules of this distribution: plugins of this repository and of third parties use it alike; it sees
the façade of the host, re-exports two parts that the host needs itself (`exclusive`, the option of
`commands`), and sees nothing of any plugin. A part that only one plugin needs stays in that
plugin.

    grants        the grant table: who may relay from where, to what, until when, and why
    sources       networks and addresses as settings name them
    accounts      names, sub-addresses, and hashes of passwords
    scram         stored keys for SCRAM, and the preparation of names and passwords (SASLprep)
    certificates  when certificates end, for the status of TLS plugins
    named         accounts that a site's file names, in settings of rules and policies
    spool         large contents beside memory
    notices       notices between the tasks of one process
    commands      commands of plugins that open a part of the site
    exclusive     one process at a time, for what several workers make at their first start
"""
