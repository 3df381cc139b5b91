"""Names of files that a tool of the host executes, or obeys as configuration, where it finds them.

Somebody who looks at what a guest made goes to its folder. There a shell's prompt asks git, an
editor reads its settings, ``pytest``, ``make`` or ``npm`` take up their files, and Python imports
modules from the folder before its own. None of that needs more than a name, and a case or a
character that a file system does not tell apart from another is no difference.
"""

from __future__ import annotations

import re
import sys
from fnmatch import translate
from unicodedata import normalize

from .names import is_plain

INERT = ".inert"
"""The end of a name that no tool knows."""
MAX_NAME = 255
"""Longest name that is looked at, in characters; no file system has longer ones."""

_GIT = "head"  # git takes a folder that has it, with objects/ and refs/, for a repository
_PYTHON = """
    conftest.py sitecustomize.py usercustomize.py setup.py setup.cfg pyproject.toml tox.ini tox.toml
    pytest.ini pytest.toml noxfile.py tasks.py fabfile.py dodo.py manage.py conf.py pylintrc
    pylintrc.toml mypy.ini pyvenv.cfg pydistutils.cfg pip.conf pip.ini pipfile uv.toml hatch.toml
    hatch_build.py pixi.toml gunicorn.conf.py celeryconfig.py alembic.ini scrapy.cfg docutils.conf
    matplotlibrc wscript snakefile dvc.yaml mlproject mkdocs.yml mkdocs.yaml __pycache__ *.pth
    *.egg-link *.egg-info *.dist-info *.pyc *.pyo *.pyd *.egg jupyter*config.* ipython*config.*
    test*.py *_test.py *._pth __main__.py poetry.toml pdm.toml invoke.* fabric.yml pavement.py
    locustfile.py behave.ini airflow.cfg luigi.cfg dbt_project.yml profiles.yml prefect.yaml
    nextflow.config anaconda-project.yml conanfile.* myst.yml
"""
_BUILDING = """
    makefile gnumakefile bsdmakefile makefile.pl build.pl justfile taskfile.* rakefile rakefile.rb
    cmakelists.txt cmakepresets.json cmakeuserpresets.json meson.build build.ninja configure
    sconstruct sconscript build.gradle* build.xml build.rs build.sbt *.bazel gradlew gradle.* mvnw
    settings.gradle* pom.xml directory.build.* nuget.config cargo.toml rust-toolchain* go.mod
    go.work gemfile* guardfile thorfile capfile vagrantfile jenkinsfile procfile* brewfile podfile
    fastfile dangerfile berksfile tiltfile earthfile puppetfile ansible.cfg _targets.* mix.exs
    rebar.config dune dune-project stack.yaml cabal.project *.cabal composer.json project.toml
    dockerfile* containerfile* docker-compose* docker-bake.* compose.* *.nix flake.lock devbox.json
    devenv.yaml mise.toml mise.*.toml mise direnv lefthook.* _config.yml *_test.go makefile.*
    workspace workspace.bzlmod pants.toml tupfile* build.sc build.mill *.sbt *.*proj *.sln *.slnx
    *.gemspec config.ru *.nimble config.nims nim.cfg build.zig package.swift pubspec.yaml
    magefile.go xmake.lua premake*.lua vcpkg.json project.clj deps.edn bb.edn setup.hs package.yaml
    global.json *.tf *.tf.json *.hcl pulumi.* kustomization.y*ml skaffold.yaml helmfile.y*ml
    serverless.* wrangler.* cdk.json book.toml _quarto.* _metadata.yml _output.y*ml _site.y*ml
    _bookdown.yml _pkgdown.yml juliaproject.toml localpreferences.toml latexmkrc startup.m finish.m
    pathdef.m pkg_add php.ini phpunit.* phpstan.* artisan _darcs
"""
_JAVASCRIPT = """
    package.json package-lock.json pnpm-workspace.yaml pnpmfile.* npmrc lerna.json nx.json
    turbo.json deno.json deno.jsonc bunfig.toml gulpfile.* gruntfile.* tsconfig.json tsconfig.*.json
    jsconfig.json *.config.js *.config.cjs *.config.mjs *.config.ts *.config.cts *.config.mts
    node_modules __tests__ *.node npm-shrinkwrap.json *.conf.js *.conf.ts jest.config.json
    babel.config.json nodemon.json rush.json angular.json jakefile* cakefile
"""
_EDITORS_AND_DESKTOPS = """
    *.code-workspace *.sublime-project *.sublime-workspace *.iml *.ipr *.rproj *.xcodeproj
    *.xcworkspace nbproject session.vim _vimrc _exrc _netrc irbrc web.config *.desktop *.directory
    *.app *.command *.workflow *.terminal desktop.ini autorun.inf folder.htt *.lnk *.url *.scf
    *.library-ms *.exe *.com *.scr *.pif *.bat *.cmd *.ps1 *.psm1 *.vbs *.vbe *.wsf *.wsh *.hta
    *.msi *.jar *.reg *.so *.so.* *.dylib *.dll *.iws autorun autorun.sh autoopen *.appimage
    *.flatpakref *.tool *.fileloc *.inetloc *.webloc *.mobileconfig *.prefpane *.qlgenerator
    *.bundle *.search-ms *.searchconnector-ms *.settingcontent-ms *.appref-ms *.application *.gadget
    *.theme *.themepack *.website *.msc *.msp *.cpl *.chm *.inf *.sct *.jse *.xll *.rdp _curlrc
"""
_AGENTS = """
    agents.md agents.*.md agent.md claude.md claude.*.md gemini.md qwen.md crush.md warp.md codex.md
    copilot-instructions.md *.instructions.md *.prompt.md *.chatmode.md skill.md opencode.json*
    mcp.json cursorrules windsurfrules clinerules replit.md jules.md iflow.md *.agent.md
"""
_TESTS = r"(?:.*[-_.])?(?:test|spec)\.[cm]?[jt]sx?|test[-_].*\.[cm]?[jt]sx?"
_PLACES = re.compile(
    # A module that copy and pickle of Python import, and what `node --test` runs.
    r"(?:.*/)?org/python/core\.py|(?:.*/)?test/.*\.[cm]?[jt]s",
    re.DOTALL,
)
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?:\..*)?", re.DOTALL
)
_SHORT_NAMES = r"(?:git|gi[0-9a-f]{4})[0-9a-f]*~[0-9]+.*"  # of .git, on file systems of Windows

_KNOWN = re.compile(
    "|".join(
        [
            *map(translate, " ".join((_GIT, _PYTHON, _BUILDING)).split()),
            *map(translate, " ".join((_JAVASCRIPT, _EDITORS_AND_DESKTOPS, _AGENTS)).split()),
            *(rf"(?:{pattern})\Z" for pattern in (_TESTS, _SHORT_NAMES)),
        ]
    ),
    re.DOTALL,
)
_LIBRARIES = """
    numpy pandas matplotlib mpl_toolkits pylab scipy sklearn seaborn statsmodels polars pyarrow
    openpyxl xlsxwriter plotly bokeh altair torch torchvision tensorflow keras jax xgboost lightgbm
    networkx sympy PIL cv2 skimage nltk spacy transformers datasets requests httpx aiohttp urllib3
    certifi idna bs4 lxml yaml dateutil pytz tzdata six attr attrs pydantic rich click typer tqdm
    psutil dotenv jinja2 flask django fastapi sqlalchemy duckdb boto3 openai anthropic autogen
    sandcrew pip setuptools pkg_resources wheel packaging IPython ipykernel ipywidgets jupyter
    jupyter_client jupyter_core jupyter_server jupyterlab notebook nbformat nbconvert nbclient
    traitlets zmq tornado comm debugpy pytest _pytest pluggy iniconfig hypothesis coverage mypy
    _manylinux distutils imp asyncore asynchat smtpd compression annotationlib _pyrepl
    typing_extensions pygments prompt_toolkit jedi parso decorator wcwidth pexpect ptyprocess
    executing asttokens pure_eval stack_data matplotlib_inline platformdirs pathspec mypy_extensions
    tomli tomlkit markdown_it mdurl cycler kiwisolver fontTools pyparsing contourpy gi cairo
    cairocffi wx PyQt4 PyQt5 PyQt6 PySide PySide2 PySide6 shiboken6 sip qtpy bottleneck numexpr
    numba llvmlite cffi _cffi_backend pycparser Cython joblib threadpoolctl patsy xarray
    fsspec s3fs gcsfs xlrd pyxlsb odf python_calamine tabulate html5lib cssselect soupsieve chardet
    cchardet charset_normalizer defusedxml et_xmlfile simplejson ujson orjson brotli brotlicffi
    zstandard socks h2 h11 httpcore anyio sniffio trio truststore keyring colorama markupsafe
    werkzeug itsdangerous blinker greenlet gevent uvloop win32api pythoncom pywintypes
    pywin32_bootstrap _virtualenv _distutils_hack xdist pytest_cov tblib exceptiongroup shellingham
"""
_MODULES = frozenset(
    name.casefold()
    for name in (*sys.stdlib_module_names, *_LIBRARIES.split())
    if name != "test"  # nobody imports it, and many call a file so
)


def is_for_tools(name: str, folder: str = "") -> bool:
    """Whether a tool would execute or obey a file, or a folder, of this name by itself.

    Parameters
    ----------
    folder:
        The path of the folder it is in: of one that is called like a module, ``__init__.py`` is
        that module.
    """
    known = file_system_key(name)
    if is_never_plain(known):
        return True
    if known.endswith(INERT):
        return False
    above = [file_system_key(part) for part in folder.split("/")] if folder else []
    if _KNOWN.match(known) or _PLACES.fullmatch("/".join([*above, known])):
        return True
    stem, _, suffix = known.partition(".")
    module = above[-1] if above and stem == "__init__" else stem
    return suffix in ("py", "pyw") and module in _MODULES


def is_never_plain(key: str) -> bool:
    """Whether a name begins in a way that no end of it makes up for: hidden, or a device."""
    return not key or key.startswith((".", "~")) or _DEVICE.fullmatch(key) is not None


def file_system_key(name: str) -> str:
    """The same for all names that some file system takes for one.

    It folds case and composition, ignores what HFS+ ignores, and drops the spaces and dots that
    Windows drops.
    """
    text = "".join(filter(is_plain, normalize("NFKC", name[:MAX_NAME])))
    return normalize("NFKC", text.casefold()).strip(" ").rstrip(" .")
