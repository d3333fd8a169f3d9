"""The application: a configuration becomes opened products (`build`), served by worker processes
that a small supervisor holds (`supervisor`, `generation`, `worker`)."""
