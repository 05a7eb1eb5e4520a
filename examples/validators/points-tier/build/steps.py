"""The steps of the build. You need not change this file.

Tools are installed in .venv, packages of packages.txt in .packages, and what is generated goes into .build.
"""

import ast
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

TOOLS = Path(".venv") / ("Scripts" if os.name == "nt" else "bin")
PACKAGES = Path(".packages")
GENERATED = Path(".build")
# The version in the component, whatever the version that runs this file.
PYTHON_VERSION = "3.14"


def build(target):
    """Builds the component `target` of validator.py. Returns the exit status."""
    install_tools()
    install_packages()
    GENERATED.mkdir(exist_ok=True)
    (GENERATED / "kept_modules.py").write_text(kept_modules(), encoding="utf-8")
    paths = [part for path in ("build", str(GENERATED), ".", str(PACKAGES)) for part in ("-p", path)]
    command = [TOOLS / "componentize-py", "-d", "wit", "-w", "validator", "componentize", *paths, "bulkhead_component", "-o", target]
    # Keeps the tool's own stack trace out of the output after an error in your code.
    built = subprocess.run(command, env={**os.environ, "RUST_BACKTRACE": "0"}, stderr=subprocess.PIPE, text=True)
    sys.stderr.write(built.stderr)
    if "ModuleNotFoundError" in built.stderr:
        fail("a module is missing; if it is a package of PyPI, name the package in packages.txt")
    return built.returncode


def install_tools():
    wanted = Path("requirements.txt").read_text(encoding="utf-8")
    installed = Path(".venv") / "installed.txt"
    if installed.exists() and installed.read_text(encoding="utf-8") == wanted:
        return
    venv.create(".venv", with_pip=True, clear=True)
    subprocess.run([TOOLS / "pip", "install", "--quiet", "--require-hashes", "-r", "requirements.txt"], check=True)
    installed.write_text(wanted, encoding="utf-8")


def install_packages():
    """Installs packages that are written in Python alone: a component runs no machine code."""
    wanted = lines("packages.txt")
    installed = PACKAGES / "installed.txt"
    if installed.exists() and installed.read_text(encoding="utf-8").split("\n") == wanted:
        return
    shutil.rmtree(PACKAGES, ignore_errors=True)
    PACKAGES.mkdir()
    if wanted:
        any_platform = ["--only-binary=:all:", "--platform", "any", "--implementation", "py", "--abi", "none"]
        command = [TOOLS / "pip", "install", "--quiet", "--target", PACKAGES, *any_platform, "--python-version", PYTHON_VERSION]
        if subprocess.run([*command, "-r", "packages.txt"]).returncode != 0:
            fail("packages.txt: a component can have packages that are written in Python alone (wheels named 'none-any')")
    installed.write_text("\n".join(wanted), encoding="utf-8")


def kept_modules():
    """Returns a file that imports what is imported only inside functions: a component has no files to import later."""
    names = set()
    for file in Path(".").rglob("*.py"):
        if not file.parts[0].startswith(".") and file.parts[0] != "build" and file.name != "build.py":
            names |= imported_in_functions(file)
    optional = "".join(f"try:\n    import {name}\nexcept ImportError:\n    pass\n" for name in sorted(names))
    return optional + "".join(f"import {name}\n" for name in named_modules())


def imported_in_functions(file):
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    except SyntaxError:
        # The component's own Python, which may be newer, reports it with its line.
        return set()
    names = set()
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            for node in ast.walk(function):
                if isinstance(node, ast.Import):
                    names.update(alias.name for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                    names.add(node.module)
                    # They may be modules, too.
                    names.update(f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")
    return names


def named_modules():
    """Returns the modules that modules.txt names, with `NAME.*` for all modules in a package."""
    names = []
    for name in lines("modules.txt"):
        if name.endswith(".*"):
            folder = PACKAGES.joinpath(*name[:-2].split("."))
            found = sorted(file.stem for file in folder.glob("*.py") if not file.stem.startswith("__"))
            if not found:
                fail(f"modules.txt: there are no modules in '{name[:-2]}'")
            names += [name[:-2]] + [f"{name[:-1]}{stem}" for stem in found]
        else:
            names.append(name)
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            fail(f"modules.txt: '{name}' is no name of a module")
    return names


def lines(file):
    """Returns the lines of a file that say something."""
    if not Path(file).exists():
        return []
    kept = (line.split("#")[0].strip() for line in Path(file).read_text(encoding="utf-8").splitlines())
    return [line for line in kept if line]


def fail(text):
    print(f"build: {text}", file=sys.stderr)
    sys.exit(1)
