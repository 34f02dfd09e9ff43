import numpy as np

rng = np.random.default_rng(7)

# A field with a hole where nothing was measured.
y, x = np.mgrid[-3:3:3000j, -4:4:4000j]
field = np.sin(2 * x + y) * np.exp(-(x**2 + y**2) / 6) + 0.4 * np.cos(3 * y - x)
field[(x - 2) ** 2 + (y + 1) ** 2 < 0.5] = np.nan
np.save("field.npy", field.astype("float32"))

# Five signals of two million samples, one of which was off for a while.
t = np.arange(2_000_000) / 100_000
signals = np.stack([np.sin(t * (k + 1)) + 3 * k + 0.2 * rng.standard_normal(t.size) for k in range(5)])
signals[3, 600_000:700_000] = np.nan
np.save("signals.npy", signals.astype("float32"))

# Weights with long tails.
np.save("weights.npy", rng.standard_t(3, size=(1000, 2000)).astype("float32"))

# What light does behind a hole of six corners.
y, x = np.mgrid[-256:256, -256:256]
turns = [np.cos(k * np.pi / 3) * x + np.sin(k * np.pi / 3) * y for k in range(6)]
np.save("light.npy", np.fft.fftshift(np.fft.fft2(np.max(turns, axis=0) < 14)))
