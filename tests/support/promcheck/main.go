// Reads Prometheus rule files as Prometheus itself does, and prints what they ask for as JSON.
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"sort"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	p := parser.NewParser(parser.Options{})
	metrics := map[string]bool{}
	collect := func(query string) {
		expr, err := p.ParseExpr(query)
		if err != nil {
			fail(fmt.Errorf("%s: %w", query, err))
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok {
				for _, matcher := range selector.LabelMatchers {
					if matcher.Name == labels.MetricName {
						metrics[matcher.Value] = true
					}
				}
			}
			return nil
		})
	}
	var alerts []string
	groups, errs := rulefmt.ParseFile(os.Args[1], false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		fail(errs[0])
	}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			alerts = append(alerts, rule.Alert)
			collect(rule.Expr)
		}
	}
	for _, query := range os.Args[2:] {
		collect(query)
	}
	names := make([]string, 0, len(metrics))
	for name := range metrics {
		names = append(names, name)
	}
	sort.Strings(names)
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{"alerts": alerts, "metrics": names})
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
