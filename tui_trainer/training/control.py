"""What the user asks of a running trainer. Safe to call from any thread.

Nothing here blocks, except for the trainer itself while it is paused.
"""

import threading


class Control:
    """Requests to one run, which its trainer acts on at the next step boundary."""

    def __init__(self, *, paused: bool = False) -> None:
        self._changed = threading.Condition()
        self._paused = paused
        self._steps = 0
        self._lr: float | None = None
        self._stopped = False
        self._best_fit = False
        self._health = False
        self._checkpoint = False

    def pause(self) -> None:
        """Ask the run to wait before its next step."""
        self._set(_paused=True)

    def resume(self) -> None:
        """Ask the run to resume, and forget the single steps asked for."""
        self._set(_paused=False, _steps=0)

    def toggle_pause(self) -> None:
        """Ask the run to wait, or to resume if it was asked to wait."""
        self.resume() if self._paused else self.pause()

    def step(self) -> None:
        """Ask for one step, and to wait after it."""
        with self._changed:
            self._paused = True
            self._steps += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Ask the run to end."""
        self._set(_stopped=True)

    def set_lr(self, lr: float) -> None:
        """Ask for another learning rate, starting with the next step."""
        self._set(_lr=lr)

    def show_best_fit(self, wanted: bool) -> None:
        """Ask for the fit of the best step's weights besides the last one's, or stop asking."""
        self._set(_best_fit=wanted)

    def show_health(self, wanted: bool) -> None:
        """Ask for measurements of the layers, or stop asking."""
        self._set(_health=wanted)

    def ask_checkpoint(self) -> None:
        """Ask the run to hand out its state at the next step boundary."""
        self._set(_checkpoint=True)

    @property
    def paused(self) -> bool:
        """Whether the run should wait."""
        return self._paused

    @property
    def stopped(self) -> bool:
        """Whether the run should end."""
        return self._stopped

    @property
    def best_fit_wanted(self) -> bool:
        """Whether the fit of the best step's weights is asked for."""
        return self._best_fit

    @property
    def health_wanted(self) -> bool:
        """Whether measurements of the layers are asked for."""
        return self._health

    def take_lr(self) -> float | None:
        """Return the learning rate asked for since the last call, if any."""
        with self._changed:
            lr, self._lr = self._lr, None
            return lr

    def take_step(self) -> bool:
        """Use up one of the single steps asked for, if there is one."""
        with self._changed:
            taken = self._steps > 0
            self._steps -= taken
            return taken

    def take_checkpoint(self) -> bool:
        """Return whether a checkpoint was asked for since the last call."""
        with self._changed:
            asked, self._checkpoint = self._checkpoint, False
            return asked

    def wait_while_paused(self) -> None:
        """Wait until something is asked for that a paused run acts on."""
        looks = self._best_fit, self._health
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    not self._paused
                    or self._stopped
                    or self._steps > 0
                    or self._lr is not None
                    or self._checkpoint
                    or (self._best_fit, self._health) != looks
                )
            )

    def _set(self, **fields: object) -> None:
        with self._changed:
            for name, value in fields.items():
                setattr(self, name, value)
            self._changed.notify_all()
