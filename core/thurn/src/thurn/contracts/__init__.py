"""The contracts: what each role must do, as typed Protocols with their value types. No logic.

A hook is asked once per process, "what can you build?". A contract is called per connection,
command or message, and is async where it may block. An event is emitted; nobody answers.

Reading order: settings, context, factory; then the roles in the order a message meets them:
listener, tls, policy, sasl, account, login, relay, filter, delivery and scripts, outgoing, queue,
store, guard, search; around them: commitlog, state, service. `gate` and `mailflow` are what the
host offers listeners.
"""
