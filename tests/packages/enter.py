"""enter.py ROOT CONFIG [ARGUMENT...]: becomes what an image's configuration says: its user, in its folder, with its variables.

Without arguments, the image's own command runs; `health-check` is the image's health check. Variables that begin with BULKHEAD_ are
passed on, as by --env.
"""

import json
import os
import sys

root, config, *arguments = sys.argv[1:]
with open(config, encoding="utf-8") as file:
    config = json.load(file)
command = config["Entrypoint"] + (arguments or config["Cmd"])
if arguments == ["health-check"]:
    kind, *command = config["Healthcheck"]["Test"]
    assert kind == "CMD", "the image has no shell"
user, group = (int(number) for number in config["User"].split(":"))
variables = dict(entry.split("=", 1) for entry in config["Env"])
variables |= {name: value for name, value in os.environ.items() if name in ("BULKHEAD_INSECURE_LISTEN", "BULKHEAD_USER")}
os.chroot(root)
os.chdir(config["WorkingDir"])
os.setgroups([])
os.setresgid(group, group, group)
os.setresuid(user, user, user)
os.execve(command[0], command, variables)
