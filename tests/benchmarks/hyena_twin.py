"""HyenaDNA in plain PyTorch, written from the equations: what others run, and what we measure by.

It computes as the public implementations do, and its tensors have the names of their checkpoints:
a Fourier transform of length 2 L whatever L is, the short convolution on a transposed view, the
filter written anew in every call. Shapes: B batch, L length, D features, N order.

Sources: Poli et al. 2023, arXiv:2302.10866; Nguyen et al. 2023, arXiv:2306.15794.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Options:
    """The options of a checkpoint's config, by their names there."""

    d_model: int = 128
    n_layer: int = 2
    d_inner: int = 512
    vocab_size: int = 12
    pad_vocab_size_multiple: int = 8
    l_max: int = 1024
    order: int = 2
    filter_order: int = 64
    emb_dim: int = 5
    num_inner_mlps: int = 2
    short_filter_order: int = 3
    w: float = 10.0
    modulate: bool = True
    shift: float = 0.05
    value_major: bool = False
    train_positions: bool = False
    train_decay: bool = False
    layer_norm_epsilon: float = 1e-5
    n_classes: int | None = None

    @property
    def vocabulary(self) -> int:
        multiple = self.pad_vocab_size_multiple
        return math.ceil(self.vocab_size / multiple) * multiple


def long_convolution(u: Tensor, h: Tensor, skip: Tensor) -> Tensor:
    """Σ_j h_j u_(t-j) + skip · u_t of u (B, D, L) and h (D, L)."""
    size = 2 * u.shape[-1]
    product = torch.fft.rfft(u, n=size) * torch.fft.rfft(h, n=size)
    return torch.fft.irfft(product, n=size)[..., : u.shape[-1]] + u * skip[:, None]


class Sine(nn.Module):
    """sin(ω a) with a trained ω for each feature."""

    def __init__(self, features: int, frequency: float) -> None:
        super().__init__()
        self.freq = nn.Parameter(frequency * torch.ones(1, features))

    def forward(self, a: Tensor) -> Tensor:
        return torch.sin(self.freq * a)


class Positions(nn.Module):
    """z = [t, cos f w, -sin f w] and t, as tables of all l_max lags."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        t = torch.linspace(0, 1, o.l_max)[:, None]
        bands = (o.emb_dim - 1) // 2
        w = 2 * math.pi * torch.linspace(0, o.l_max - 1, o.l_max)[:, None] / o.l_max
        angle = torch.linspace(1e-4, bands - 1, bands) * w
        z = torch.cat([t, angle.cos(), -angle.sin()], dim=-1)[None]
        if o.train_positions:
            self.z = nn.Parameter(z)
        else:
            self.register_buffer("z", z)
        self.register_buffer("t", t[None])


class Modulation(nn.Module):
    """(e^(-t |δ|) + shift), δ evenly between two decay rates."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        self.shift = o.shift
        slow, fast = math.log(1e-2) / 1.5, math.log(1e-2) / 0.3
        deltas = torch.linspace(slow, fast, o.d_model * (o.order - 1))[None, None]
        if o.train_decay:
            self.deltas = nn.Parameter(deltas)
        else:
            self.register_buffer("deltas", deltas)

    def forward(self, t: Tensor, h: Tensor) -> Tensor:
        return h * (torch.exp(-t * self.deltas.abs()) + self.shift)


class Filter(nn.Module):
    """The network that writes the filters of all long convolutions."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        channels = o.d_model * (o.order - 1)
        self.bias = nn.Parameter(torch.randn(channels))
        self.pos_emb = Positions(o)
        sine = Sine(o.filter_order, o.w)
        layers: list[nn.Module] = [nn.Linear(o.emb_dim, o.filter_order), sine]
        for _ in range(o.num_inner_mlps):
            layers += [nn.Linear(o.filter_order, o.filter_order), sine]
        layers.append(nn.Linear(o.filter_order, channels, bias=False))
        self.implicit_filter = nn.Sequential(*layers)
        self.modulation = Modulation(o)
        self.modulate = o.modulate

    def forward(self, length: int) -> Tensor:
        """h (L, channels)."""
        h = self.implicit_filter(self.pos_emb.z[:, :length])
        return (self.modulation(self.pos_emb.t[:, :length], h) if self.modulate else h)[0]


class Operator(nn.Module):
    """Gates and long convolutions in turn; x (B, L, D)."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        self.o = o
        width = o.d_model * (o.order + 1)
        taps = o.short_filter_order
        self.in_proj = nn.Linear(o.d_model, width)
        self.out_proj = nn.Linear(o.d_model, o.d_model)
        self.short_filter = nn.Conv1d(width, width, taps, padding=taps - 1, groups=width)
        self.filter_fn = Filter(o)

    def forward(self, x: Tensor) -> Tensor:
        length = min(x.shape[1], self.o.l_max)
        u = self.short_filter(self.in_proj(x).transpose(1, 2))[..., :length]
        *gates, v = u.split(self.o.d_model, dim=1)
        h, skip = self._apart(self.filter_fn(length).T), self._apart(self.filter_fn.bias)
        for i, gate in enumerate(reversed(gates[1:])):
            v = long_convolution(v * gate, h[i], skip[i])
        return self.out_proj((v * gates[0]).transpose(1, 2))

    def _apart(self, a: Tensor) -> Tensor:
        """What belongs to each convolution, of an array whose first axis has all channels."""
        convolutions = self.o.order - 1
        if self.o.value_major:
            return a.unflatten(0, (self.o.d_model, convolutions)).transpose(0, 1)
        return a.unflatten(0, (convolutions, self.o.d_model))


class Mlp(nn.Module):
    """Two affine maps with a tanh-GELU between them."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        self.fc1 = nn.Linear(o.d_model, o.d_inner)
        self.fc2 = nn.Linear(o.d_inner, o.d_model)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    """x + mixer(norm(x)), then the same with the mlp."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        self.mixer = Operator(o)
        self.norm1 = nn.LayerNorm(o.d_model, eps=o.layer_norm_epsilon)
        self.mlp = Mlp(o)
        self.norm2 = nn.LayerNorm(o.d_model, eps=o.layer_norm_epsilon)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.mixer(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Embeddings(nn.Module):
    """A vector for each token."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(o.vocabulary, o.d_model)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.word_embeddings(tokens)


class Backbone(nn.Module):
    """Tokens (B, L) to features (B, L, D)."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        self.embeddings = Embeddings(o)
        self.layers = nn.ModuleList(Block(o) for _ in range(o.n_layer))
        self.ln_f = nn.LayerNorm(o.d_model, eps=o.layer_norm_epsilon)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embeddings(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.ln_f(x)


class Decoder(nn.Module):
    """Classes (B, n_classes) of the mean of the features."""

    def __init__(self, o: Options, classes: int) -> None:
        super().__init__()
        self.output_transform = nn.Linear(o.d_model, classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.output_transform(features.mean(dim=1))


class LanguageModel(nn.Module):
    """The next token's logits, from the rows of the embedding."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        self.backbone = Backbone(o)
        self.lm_head = nn.Linear(o.d_model, o.vocabulary, bias=False)
        _draw(self, o)
        self.lm_head.weight = self.backbone.embeddings.word_embeddings.weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.lm_head(self.backbone(tokens))


class Classifier(nn.Module):
    """Features, or classes with `n_classes`."""

    def __init__(self, o: Options) -> None:
        super().__init__()
        self.backbone = Backbone(o)
        self.head = None if o.n_classes is None else Decoder(o, o.n_classes)
        _draw(self, o)

    def forward(self, tokens: Tensor) -> Tensor:
        features = self.backbone(tokens)
        return features if self.head is None else self.head(features)


def operator(**options: float) -> Operator:
    """An operator on its own, with the options of HyenaDNA."""
    return Operator(replace(Options(), **options))


def _draw(model: nn.Module, o: Options) -> None:
    """N(0, 0.02²) for every linear map, less for what is added to the residual stream."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            last = name.endswith(("out_proj", "fc2"))
            nn.init.normal_(module.weight, std=0.02 / math.sqrt(2 * o.n_layer) if last else 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
