"""Commands of TeX in what a guest made.

Front ends typeset mathematics in all they show. Some commands make links (``\\href``), set
attributes of elements (``\\class``, ``\\mmlToken``), load code (``\\require``), or define others
that do (``\\def``); and to print a notebook is to run TeX itself, which reads and writes files. So
only commands that are known to be seen and no more stay.
"""

from __future__ import annotations

import re

_KNOWN = frozenset(
    """
    alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa varkappa lambda mu
    nu xi omicron pi varpi rho varrho sigma varsigma tau upsilon phi varphi chi psi omega digamma
    Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega varGamma varDelta varTheta varLambda
    varXi varPi varSigma varUpsilon varPhi varPsi varOmega aleph beth gimel daleth hbar hslash ell
    imath jmath wp Re Im partial infty nabla emptyset varnothing angle measuredangle triangle
    forall exists nexists neg lnot top bot prime backprime surd flat natural sharp Box Diamond
    square blacksquare bigstar complement mho eth degree circ bullet star ast dagger ddagger
    clubsuit diamondsuit heartsuit spadesuit checkmark pounds yen copyright
    pm mp times div cdot cap cup uplus sqcap sqcup vee wedge lor land setminus smallsetminus wr
    amalg oplus ominus otimes oslash odot bigcirc bigtriangleup bigtriangledown triangleleft
    triangleright lhd rhd unlhd unrhd ltimes rtimes bmod pmod mod pod
    leq le geq ge neq ne equiv sim simeq approx approxeq cong doteq propto prec succ preceq succeq
    ll gg lll ggg subset supset subseteq supseteq subsetneq supsetneq sqsubset sqsupset sqsubseteq
    sqsupseteq in ni owns notin mid nmid parallel nparallel perp vdash dashv models smile frown
    asymp bowtie leqslant geqslant lesssim gtrsim lessgtr gtrless triangleq not
    leftarrow gets rightarrow to leftrightarrow Leftarrow Rightarrow Leftrightarrow longleftarrow
    longrightarrow longleftrightarrow Longleftarrow Longrightarrow Longleftrightarrow iff implies
    impliedby mapsto longmapsto hookleftarrow hookrightarrow uparrow downarrow updownarrow Uparrow
    Downarrow Updownarrow nearrow searrow swarrow nwarrow leftharpoonup leftharpoondown
    rightharpoonup rightharpoondown rightleftharpoons leadsto twoheadrightarrow circlearrowleft
    circlearrowright xleftarrow xrightarrow
    sum prod coprod int iint iiint iiiint oint bigcap bigcup bigsqcup bigvee bigwedge bigodot
    bigotimes bigoplus biguplus limits nolimits
    arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf injlim ker lg lim
    liminf limsup ln log max min Pr projlim sec sin sinh sup tan tanh acos asin atan sinc sgn
    operatorname operatornamewithlimits varlimsup varliminf
    frac dfrac tfrac cfrac binom dbinom tbinom genfrac sqrt root of over atop choose brace brack
    overline underline overbrace underbrace overset underset stackrel substack sideset
    overleftarrow overrightarrow overleftrightarrow widehat widetilde hat check breve acute grave
    tilde bar vec dot ddot dddot ddddot mathring mathop mathbin mathrel mathopen mathclose
    mathpunct mathord mathinner boxed fbox cancel bcancel xcancel phantom hphantom vphantom smash
    left right middle big Big bigg Bigg bigl Bigl biggl Biggl bigm Bigm biggm Biggm bigr Bigr
    biggr Biggr langle rangle lfloor rfloor lceil rceil lbrace rbrace lbrack rbrack lvert rvert
    lVert rVert vert Vert lgroup rgroup lmoustache rmoustache ulcorner urcorner llcorner lrcorner
    backslash colon dots ldots cdots vdots ddots dotsc dotsb dotsm dotsi dotso
    mathrm mathbf mathit mathsf mathtt mathcal mathscr mathfrak mathbb boldsymbol pmb bm text
    textrm textbf textit textsf texttt textnormal textsc textup textsl emph rm bf it sf tt cal
    displaystyle textstyle scriptstyle scriptscriptstyle tiny small normalsize large Large LARGE
    huge Huge mbox hbox
    quad qquad enspace thinspace medspace thickspace negthinspace negmedspace negthickspace
    nobreakspace space hspace strut mathstrut null
    hline cline hdashline toprule midrule bottomrule cmidrule addlinespace multicolumn
    multirow centering caption label ref eqref tag notag nonumber item newline
    displaylimits
    textbackslash textasciitilde textasciicircum textunderscore textbar textless textgreater
    """.split()
)
_ENVIRONMENTS = frozenset(
    """
    equation align aligned alignat alignedat flalign gather gathered multline split eqnarray cases
    rcases dcases matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array subarray tabular
    table longtable itemize enumerate center displaymath math
    """.split()
)
_COMMAND = re.compile(r"\\(?:(?P<word>[A-Za-z@]+)|.|\Z)|\^\^", re.DOTALL)
_ENVIRONMENT = re.compile(r"[ \t\n]*+\{[ \t\n]*+(?P<name>[A-Za-z]++)\*?[ \t\n]*+\}")
_COLOUR = re.compile(r"[ \t\n]*+(?:\[\w{1,20}\])?+[ \t\n]*+(?:\{[\w#., ]{1,60}\}|\w)", re.ASCII)
"""No address of something that is to be fetched."""
_STARTS = re.compile(r"\$|\\[(\[]|\\begin")
"""Where mathematics begins for a front end."""
_WORD = re.compile(r"(?<!\\)(?P<escapes>\\++)(?P<word>[A-Za-z@]++)")
_BY_NUMBER = re.compile(r"\^(?=\^)")
_SET_MINUS = "\u2216"
"""It looks like a backslash."""


def unknown_command(text: str) -> str | None:
    """The first command in this LaTeX that is not known to be harmless."""
    for command in _COMMAND.finditer(text):
        if command[0] == "^^":
            return "^^"  # a character by its number: it may be a backslash
        word = command["word"]
        if word and not _is_known(word, text, command.end()):
            return f"\\{word[:40]}"
    return None


def has_mathematics(text: str) -> bool:
    """Whether a front end might find mathematics in it."""
    return _STARTS.search(text) is not None


def harmless_mathematics(text: str) -> str:
    """Text for a front end that finds mathematics in it by itself; unknown commands are shown."""

    def apart(found: re.Match[str]) -> str:
        escapes, word = found["escapes"], found["word"]
        if _is_known(word, text, found.end()):
            return found[0]
        # An even number ends lines, unless Markdown is read before: there they escape each other.
        even = len(escapes) % 2 == 0
        return f"{escapes} {word}" if even else f"{escapes[:-1]}{_SET_MINUS}{word}"

    return _BY_NUMBER.sub("^ ", _WORD.sub(apart, text)) if "\\" in text or "^^" in text else text


def _is_known(word: str, text: str, end: int) -> bool:
    if word in ("begin", "end"):
        environment = _ENVIRONMENT.match(text, end)
        return environment is not None and environment["name"] in _ENVIRONMENTS
    if word in ("color", "textcolor"):
        return _COLOUR.match(text, end) is not None
    return word in _KNOWN
