"""The built-in renderer: words, a seed and frames in; pictures and sound in an MP4 out.

No model is asked: a film is planned from its words (`plan`), painted from vector shapes of our
own (`scenes`, `subjects`), and encoded (`film`). `python -m rushes.studio` renders one order in
a process of its own; `farm` keeps such processes.
"""
