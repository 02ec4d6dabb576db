// Diagnoses samples of tumours. From the repository's folder, while `make serve` runs:
//
//	make tools
//	npx buf generate --template docs/examples/go/buf.gen.yaml
//	go -C docs/examples/go run . [host:port]
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protojson"

	tumorv1 "flotilla.dev/examples/go/generated/acme/tumor/v1"
)

func main() {
	target := "localhost:8500"
	if len(os.Args) > 1 {
		target = os.Args[1]
	}
	if err := predict(target); err != nil {
		log.Fatal(err)
	}
}

func predict(target string) error {
	json, err := os.ReadFile("../../../models/tumor/samples/request.json")
	if err != nil {
		return err
	}
	request := &tumorv1.PredictRequest{}
	if err := protojson.Unmarshal(json, request); err != nil {
		return err
	}

	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()

	answer, err := tumorv1.NewTumorServiceClient(connection).Predict(ctx, request)
	if err != nil {
		return err
	}
	for _, diagnosis := range answer.GetDiagnoses() {
		fmt.Printf("%s %.3f\n", diagnosis.GetLabel(), diagnosis.GetMalignantProbability())
	}
	return nil
}
