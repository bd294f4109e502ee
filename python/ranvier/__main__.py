"""`python -m ranvier` is the command `ranvier`."""

from ranvier.cli import main

raise SystemExit(main())
