"""An MLServer runtime that runs one ONNX file with ONNX Runtime; `make_model.py` writes the settings for it."""
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    """`parameters.uri` is the ONNX file; `parameters.extra.intra_threads` the threads of a run."""

    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(self.settings.parameters.extra.get("intra_threads", 1))
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"])
        self.output_names = [output.name for output in self.session.get_outputs()]
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        feeds = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        try:
            results = self.session.run(self.output_names, feeds)
        except Exception as error:
            raise InferenceError(str(error)) from error
        outputs = [NumpyCodec.encode_output(name, value) for name, value in zip(self.output_names, results)]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)
