#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command of QMP's schema with arguments that are right, missing, too many and of wrong types: each is
answered, answers have the members that the schema says and no others, and the machine goes on."""
import os
import sys

from boot import Failed, Run, Scratch, tap
from qmp_client import Qmp

TIMEOUT = 60
CLASSES = {"GenericError", "CommandNotFound", "DeviceNotFound", "DeviceNotActive", "KVMMissingCap"}
LAST = {"quit"}                         # they end it
DEPTH = 4                               # of what is made up for a type that holds itself
WRONG = {"string": (7, {}, None), "int": ("x", 1.5, [], 1 << 63), "boolean": ("on", 1), "number": ("x",),
         "null": (1,), "value": ()}


class Schema:
    def __init__(self, entities):
        self.by_name = {entity["name"]: entity for entity in entities}

    def commands(self):
        return [e for e in self.by_name.values() if e["meta-type"] == "command"]

    def members(self, entity, value):
        """All that an object of this value may have: with those of its variant."""
        found = list(entity["members"])
        for variant in entity.get("variants", ()):
            if isinstance(value, dict) and value.get(entity["tag"]) == variant["case"]:
                found += self.members(self.by_name[variant["type"]], value)
        return found

    def complaint(self, name, value, path):
        """Why the value is not of the type; None: it is."""
        entity = self.by_name[name]
        return getattr(self, "check_" + entity["meta-type"])(entity, value, path)

    def check_builtin(self, entity, value, path):
        kinds = {"string": str, "int": int, "boolean": bool, "number": (int, float),
                 "null": type(None), "value": object}
        kind = entity["json-type"]
        good = isinstance(value, kinds[kind]) and not (kind == "int" and isinstance(value, bool))
        return None if good else f"{path} is {value!r}, expected {kind}"

    def check_enum(self, entity, value, path):
        if value in [member["name"] for member in entity["members"]]:
            return None
        return f"{path} is {value!r}, expected one of {entity['values']}"

    def check_array(self, entity, value, path):
        if not isinstance(value, list):
            return f"{path} is no list"
        return next(filter(None, (self.complaint(entity["element-type"], item, f"{path}[{i}]")
                                  for i, item in enumerate(value))), None)

    def check_alternate(self, entity, value, path):
        complaints = [self.complaint(member["type"], value, path) for member in entity["members"]]
        return None if None in complaints else complaints[0]

    def check_object(self, entity, value, path):
        if not isinstance(value, dict):
            return f"{path} is no object"
        members = self.members(entity, value)
        for name in value:
            if name not in [member["name"] for member in members]:
                return f"{path}.{name} is in no description"
        for member in members:
            if member["name"] not in value:
                if "default" not in member:
                    return f"{path}.{member['name']} is missing"
                continue
            complaint = self.complaint(member["type"], value[member["name"]],
                                       f"{path}.{member['name']}")
            if complaint:
                return complaint
        return None

    def make(self, name, full, depth=0, case=0):
        """A value of the type, with its optional members if full."""
        entity = self.by_name[name]
        kind = entity["meta-type"]
        if kind == "builtin":
            return {"string": "x", "int": 1, "boolean": True, "number": 1.5, "null": None,
                    "value": "x"}[entity["json-type"]]
        if kind == "enum":
            return entity["members"][case % len(entity["members"])]["name"]
        if kind == "array":
            return [self.make(entity["element-type"], full, depth + 1, case)] if depth < DEPTH else []
        if kind == "alternate" and depth >= DEPTH:      # the one that does not hold itself
            return "x"
        if kind == "alternate":
            return self.make(entity["members"][case % len(entity["members"])]["type"], full, depth, case)
        return self.make_object(entity, full, depth, case)

    def make_object(self, entity, full, depth, case):
        value = {}
        if "tag" in entity:
            value[entity["tag"]] = entity["variants"][case % len(entity["variants"])]["case"]
        for member in self.members(entity, value):
            if member["name"] not in value and ("default" not in member or (full and depth < DEPTH)):
                value[member["name"]] = self.make(member["type"], full, depth + 1, case)
        return value

    def cases(self, entity):
        """How many variants there are to try."""
        return max([1, len(entity.get("variants", ()))] +
                   [len(self.by_name[member["type"]].get("members", ())) for member in entity["members"]
                    if self.by_name[member["type"]]["meta-type"] == "enum"])


class Walk:
    def __init__(self, qmp):
        self.qmp = qmp
        self.schema = Schema(qmp.run("query-qmp-schema"))
        self.count = 0

    def ask(self, command, arguments):
        """The answer, whose form is checked."""
        self.qmp.send_value({"execute": command["name"], "arguments": arguments, "id": self.count})
        answer = self.qmp.answer()
        what = f"{command['name']} {arguments}: {str(answer)[:500]}"
        if answer.get("id") != self.count or len(answer) != 2:
            raise Failed(f"what came is not the answer: {what}")
        self.count += 1
        if "error" in answer:
            error = answer["error"]
            if error["class"] not in CLASSES or not error["desc"] or "\n" in error["desc"]:
                raise Failed(f"a strange error: {what}")
        else:
            complaint = self.schema.complaint(command["ret-type"], answer["return"], "the answer")
            if complaint:
                raise Failed(f"{complaint}: {what}")
        return answer

    def refused(self, command, arguments, words):
        answer = self.ask(command, arguments)
        if "error" not in answer or not any(word in answer["error"]["desc"] for word in words):
            raise Failed(f"{command['name']} {arguments} should say one of {words}: {answer}")

    def right(self, command, entity):
        for case in range(self.schema.cases(entity)):
            for full in (False, True):
                self.ask(command, self.schema.make_object(entity, full, 0, case))

    def wrong(self, command, entity):
        whole = self.schema.make_object(entity, True, 0, 0)
        for member in self.schema.members(entity, whole):
            name = member["name"]
            if "default" not in member:
                self.refused(command, {k: v for k, v in whole.items() if k != name},
                             (f"'{name}' is missing",))
            kind = self.schema.by_name[member["type"]]
            for value in WRONG.get(kind.get("json-type"), (7,) if kind["meta-type"] != "alternate" else ()):
                self.refused(command, {**whole, name: value}, ("Invalid parameter type", "does not accept"))
        if "json-cli" not in command.get("features", ()):   # takes more than is described
            self.refused(command, {**whole, "no-such-member": 1}, ("'no-such-member' is unexpected",))


def walk(args):
    def test():
        scratch = Scratch()
        path = scratch.path("qmp.sock")
        os.chdir(os.path.dirname(path))     # commands write files called x
        with Run(["-display", "none", "-S", *args, "-qmp", f"unix:{path},server=on,wait=off"]) as run:
            qmp = Qmp(path).negotiate()
            walker = Walk(qmp)
            commands = [c for c in walker.schema.commands() if c["name"] not in LAST]
            for command in commands:
                entity = walker.schema.by_name[command["arg-type"]]
                if command["name"] != "qmp_capabilities":
                    walker.wrong(command, entity)
                walker.right(command, entity)
            qmp.run("query-status")
            qmp.run("quit")
            status = run.finish(TIMEOUT)
            if status != 0:
                run.fail(f"exit status {status}")
            print(f"# {len(commands)} commands, {walker.count} questions", flush=True)
            for event in qmp.events:
                check_event(walker.schema, event)

    return test


def check_event(schema, event):
    entity = schema.by_name.get(event["event"])
    if not entity or entity["meta-type"] != "event":
        raise Failed(f"an event that is not described: {event}")
    complaint = schema.complaint(entity["arg-type"], event.get("data", {}), "the data")
    if complaint:
        raise Failed(f"{complaint}: {event}")


def main():
    devices = ["-device", "virtio-blk-pci,drive=d0,id=vd", "-drive", "driver=null-co,if=none,id=d0,size=8M",
               "-netdev", "hubport,id=n0,hubid=0", "-device", "virtio-net-pci,netdev=n0,id=c0", "-object",
               "iothread,id=io0", "-chardev", "null,id=ch0", "-vga", "std"]
    return tap([
        ("pc", walk(["-M", "pc", *devices])),
        ("q35", walk(["-M", "q35", "-smp", "2,maxcpus=4", *devices])),
        ("none", walk(["-M", "none", "-nodefaults"])),
    ])


if __name__ == "__main__":
    sys.exit(main())
