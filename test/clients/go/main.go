// Calls two contracts of the example fleet with the client that protoc-gen-go-grpc generates, and prints what came as
// JSON.
//
// usage: client TUMOR_TARGET VOICE_TARGET, in the repository's folder
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	tumorv1 "flotilla.dev/test/clients/go/generated/acme/tumor/v1"
	voicev1 "flotilla.dev/test/clients/go/generated/acme/voice/v1"
)

const (
	wavHeaderBytes = 44
	chunkSamples   = 512
)

type prediction struct {
	Labels        []string          `json:"labels"`
	Probabilities []float32         `json:"probabilities"`
	Trailers      map[string]string `json:"trailers"`
}

type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type facts struct {
	R1              prediction `json:"r1"`
	R2              prediction `json:"r2"`
	Empty           refusal    `json:"empty"`
	UnknownRevision refusal    `json:"unknownRevision"`
	Speech          []float32  `json:"speech"`
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tumors := tumorv1.NewTumorServiceClient(connect(os.Args[1]))
	voices := voicev1.NewVoiceServiceClient(connect(os.Args[2]))
	found := facts{
		R1:              predict(ctx, tumors, "r1"),
		R2:              predict(ctx, tumors, "r2"),
		Empty:           refused(tumors.Predict(ctx, &tumorv1.PredictRequest{})),
		UnknownRevision: refused(tumors.Predict(withRevision(ctx, "r9"), &tumorv1.PredictRequest{})),
		Speech:          listen(ctx, voices),
	}
	check(json.NewEncoder(os.Stdout).Encode(found))
}

func connect(target string) *grpc.ClientConn {
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	return connection
}

func withRevision(ctx context.Context, revision string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "flotilla-revision", revision)
}

func predict(ctx context.Context, tumors tumorv1.TumorServiceClient, revision string) prediction {
	text, err := os.ReadFile("models/tumor/samples/request.json")
	check(err)
	request := &tumorv1.PredictRequest{}
	check(protojson.Unmarshal(text, request))

	var trailer metadata.MD
	answer, err := tumors.Predict(withRevision(ctx, revision), request, grpc.Trailer(&trailer))
	check(err)
	made := prediction{Trailers: map[string]string{}}
	for _, diagnosis := range answer.GetDiagnoses() {
		made.Labels = append(made.Labels, diagnosis.GetLabel().String())
		made.Probabilities = append(made.Probabilities, diagnosis.GetMalignantProbability())
	}
	for name, values := range trailer {
		if strings.HasPrefix(name, "flotilla-") {
			made.Trailers[name] = values[0]
		}
	}
	return made
}

func refused(_ *tumorv1.PredictResponse, err error) refusal {
	found := status.Convert(err)
	// Go writes InvalidArgument where all others write INVALID_ARGUMENT.
	var code strings.Builder
	for i, letter := range found.Code().String() {
		if i > 0 && letter >= 'A' && letter <= 'Z' {
			code.WriteByte('_')
		}
		code.WriteRune(letter)
	}
	return refusal{Code: strings.ToUpper(code.String()), Message: found.Message()}
}

func listen(ctx context.Context, voices voicev1.VoiceServiceClient) []float32 {
	sound, err := os.ReadFile("models/voice/samples/speech.wav")
	check(err)
	samples := sound[wavHeaderBytes:]
	stream, err := voices.PredictStream(ctx)
	check(err)
	go func() {
		for ; len(samples) >= 2*chunkSamples; samples = samples[2*chunkSamples:] {
			check(stream.Send(&voicev1.PredictStreamRequest{Samples: chunk(samples)}))
		}
		check(stream.CloseSend())
	}()
	var probabilities []float32
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return probabilities
		}
		check(err)
		probabilities = append(probabilities, answer.GetSpeechProbability())
	}
}

func chunk(samples []byte) []float32 {
	values := make([]float32, chunkSamples)
	for i := range values {
		values[i] = float32(int16(binary.LittleEndian.Uint16(samples[2*i:]))) / 32768
	}
	return values
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
