"""Writes folders of tiny random weights, by an interpreter that has diffusers; fetches nothing.

Sizes follow those of the library's own tests. Each folder is what `save_pretrained` makes of a
real pipeline, a few hundred KB, and makes real, if not beautiful, films.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    LTXImageToVideoPipeline,
    LTXPipeline,
    LTXVideoTransformer3DModel,
    WanImageToVideoPipeline,
    WanPipeline,
    WanTransformer3DModel,
)
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

TEXT = {"vocab_size": 256, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}


def tokenizer() -> PreTrainedTokenizerFast:
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=200, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"
    )
    words = ["a paper boat on a quiet canal", "video of waves and city lights 0123456789"]
    made.train_from_iterator(words * 8, trainer)
    made.post_processor = TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", made.token_to_id("</s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
    )


def wan_parts(in_channels: int, **more: object) -> dict[str, object]:
    return {
        "tokenizer": tokenizer(),
        "text_encoder": UMT5EncoderModel(UMT5Config(**TEXT)).eval(),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=7.0),
        "vae": AutoencoderKLWan(
            base_dim=4,
            z_dim=16,
            dim_mult=[1, 1, 1, 1],
            num_res_blocks=1,
            temperal_downsample=[False, True, True],
        ),
        "transformer": WanTransformer3DModel(
            patch_size=(1, 2, 2),
            num_attention_heads=2,
            attention_head_dim=24,
            in_channels=in_channels,
            out_channels=16,
            text_dim=32,
            freq_dim=256,
            ffn_dim=64,
            num_layers=2,
            cross_attn_norm=True,
            qk_norm="rms_norm_across_heads",
            rope_max_seq_len=1024,
            **more,
        ),
    }


def image_parts() -> dict[str, object]:
    vision = CLIPVisionConfig(
        hidden_size=4,
        projection_dim=4,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        intermediate_size=16,
        patch_size=1,
    )
    return {
        "image_encoder": CLIPVisionModelWithProjection(vision).eval(),
        "image_processor": CLIPImageProcessor(crop_size=32, size=32),
    }


def ltx_parts() -> dict[str, object]:
    return {
        "tokenizer": tokenizer(),
        "text_encoder": T5EncoderModel(T5Config(**TEXT)).eval(),
        "scheduler": FlowMatchEulerDiscreteScheduler(),
        "vae": AutoencoderKLLTXVideo(
            in_channels=3,
            out_channels=3,
            latent_channels=8,
            block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            layers_per_block=(1, 1, 1, 1, 1),
            decoder_layers_per_block=(1, 1, 1, 1, 1),
            spatio_temporal_scaling=(True, True, False, False),
            decoder_spatio_temporal_scaling=(True, True, False, False),
            decoder_inject_noise=(False, False, False, False, False),
            upsample_residual=(False, False, False, False),
            upsample_factor=(1, 1, 1, 1),
            timestep_conditioning=False,
            patch_size=1,
            patch_size_t=1,
            encoder_causal=True,
            decoder_causal=False,
        ),
        "transformer": LTXVideoTransformer3DModel(
            in_channels=8,
            out_channels=8,
            patch_size=1,
            patch_size_t=1,
            num_attention_heads=4,
            attention_head_dim=8,
            cross_attention_dim=32,
            num_layers=1,
            caption_channels=32,
        ),
    }


def main(place: Path) -> None:
    torch.manual_seed(0)
    WanPipeline(**wan_parts(16)).save_pretrained(place / "wan")
    WanPipeline(**wan_parts(16), expand_timesteps=True).save_pretrained(place / "wan-both")
    frameless = {"image_encoder": None, "image_processor": None}
    WanImageToVideoPipeline(**wan_parts(36), **frameless).save_pretrained(place / "wan-image")
    encoded = wan_parts(36, image_dim=4)
    WanImageToVideoPipeline(**encoded, **image_parts()).save_pretrained(place / "wan-encoded")
    LTXPipeline(**ltx_parts()).save_pretrained(place / "ltx")
    LTXImageToVideoPipeline(**ltx_parts()).save_pretrained(place / "ltx-image")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
