"""Says how alike two recordings of speech sound, whatever delay, level and codec lie between them.

Each recording becomes a log-mel spectrogram, and each band is compared without its mean: level and timbre
go, the rise and fall of the bands, which is what words are, stays. The reference is cut into pieces; each
is looked for near the place where the whole fits best, because a jitter buffer stretches time. The answer
is the mean correlation of the pieces.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ptthandset.audio.pcm import rms_dbfs, samples

Spectrogram = NDArray[np.float32]
"""Shape (bands, time); one column is HOP_S long."""

HOP_S = 0.010
_WINDOW_S = 0.032
_BANDS = 24
_LOWEST_HZ, _HIGHEST_HZ = 150.0, 3800.0
_RANGE_DB = 50.0  # what lies further below the loudest band is silence
_SILENT_DBFS = -80.0  # rounding and dither of a codec that plays nothing
_PIECE = 80  # columns: 0.8 s, a few syllables
_DRIFT = 30  # columns: a piece may be this far from where the whole fits


def similarity(reference_pcm: bytes, heard_pcm: bytes, sample_rate_hz: int) -> float:
    """How much of `reference_pcm` was heard: 0 is nothing, or something else; 1 is all of it. s16le mono.

    The same speech through Opus gives about 0.95, another sentence under 0.5. Whatever `heard_pcm` holds
    before and after does not count. An empty or silent recording gives 0.
    """
    reference = _log_mel(reference_pcm, sample_rate_hz)
    heard = _log_mel(heard_pcm, sample_rate_hz)
    if not reference.any() or not heard.any():
        return 0.0
    heard = np.pad(heard, ((0, 0), (reference.shape[1], reference.shape[1])))
    start = int(np.argmax(_correlation(reference, heard)))
    pieces = range(0, max(1, reference.shape[1] - _PIECE // 2), _PIECE)
    scores, weights = zip(*(_piece_score(reference, heard, start, at) for at in pieces), strict=True)
    return float(np.clip(np.average(scores, weights=weights), 0, 1))


def _piece_score(reference: Spectrogram, heard: Spectrogram, start: int, at: int) -> tuple[float, float]:
    """Best correlation of a piece of the reference near its place in `heard`, and its weight: its energy."""
    piece = reference[:, at : at + _PIECE]
    place = heard[:, max(0, start + at - _DRIFT) : start + at + piece.shape[1] + _DRIFT]
    return float(_correlation(piece, place).max()), float(piece.var(axis=1).sum() * piece.shape[1])


def _correlation(pattern: Spectrogram, sound: Spectrogram) -> NDArray[np.float64]:
    """Pearson's correlation of `pattern` with each stretch of `sound` of its length, all bands together."""
    width = pattern.shape[1]
    pattern = pattern - pattern.mean(axis=1, keepdims=True)
    product = np.sum([np.correlate(s, p, "valid") for s, p in zip(sound, pattern, strict=True)], axis=0)
    variation = _sliding_sum(np.square(sound), width) - np.square(_sliding_sum(sound, width)) / width
    scale = np.sqrt(np.maximum(variation.sum(axis=0), 0) * np.square(pattern).sum())
    return np.asarray(np.where(scale > 1e-6, product / np.maximum(scale, 1e-6), 0.0), dtype=np.float64)


def _sliding_sum(values: Spectrogram, width: int) -> NDArray[np.float64]:
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    return np.asarray(total[:, width:] - total[:, :-width])


def _log_mel(pcm: bytes, sample_rate_hz: int) -> Spectrogram:
    """Decibels above a floor that lies `_RANGE_DB` under the loudest band; all zero for silence."""
    window, hop = int(_WINDOW_S * sample_rate_hz), int(HOP_S * sample_rate_hz)
    sound = samples(pcm)
    if len(sound) < window or rms_dbfs(pcm) < _SILENT_DBFS:
        return np.zeros((_BANDS, 1), dtype=np.float32)
    pieces = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop] * np.hanning(window)
    power = np.square(np.abs(np.fft.rfft(pieces, axis=1))) @ _mel_filters(window, sample_rate_hz).T
    decibels = 10 * np.log10(power + 1e-9).T
    return np.asarray(np.maximum(decibels - (decibels.max() - _RANGE_DB), 0), dtype=np.float32)


@cache
def _mel_filters(window: int, sample_rate_hz: int) -> NDArray[np.float64]:
    """Triangles, equally wide in mel, over the bins of a spectrum of `window` samples; (bands, bins)."""
    lowest, highest = (2595 * np.log10(1 + hz / 700) for hz in (_LOWEST_HZ, _HIGHEST_HZ))
    edges_hz = 700 * (10 ** (np.linspace(lowest, highest, _BANDS + 2) / 2595) - 1)
    bins_hz = np.fft.rfftfreq(window, 1 / sample_rate_hz)
    below, peak, above = (edges_hz[shift : shift + _BANDS, None] for shift in range(3))
    rising, falling = (bins_hz - below) / (peak - below), (above - bins_hz) / (above - peak)
    return np.asarray(np.maximum(0, np.minimum(rising, falling)))
