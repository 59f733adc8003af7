package main

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// override sets every field of a configuration whose environment variable is
// set: the YAML path in capitals, joined by "_", under prefix.
func override(v reflect.Value, prefix string, env func(string) (string, bool)) error {
	for i := range v.NumField() {
		tag := yamlName(v.Type().Field(i))
		if tag == "" {
			continue
		}
		name := prefix + "_" + strings.ToUpper(tag)
		field := v.Field(i)
		if field.Kind() == reflect.Struct {
			if err := override(field, name, env); err != nil {
				return err
			}
			continue
		}
		if field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct {
			continue // too much for a variable
		}
		text, ok := env(name)
		if !ok {
			continue
		}
		if err := assign(field, text); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	return nil
}

// assign parses text as the field's type. Its errors do not quote text.
func assign(field reflect.Value, text string) error {
	if field.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("must be a duration like 30m")
		}
		field.SetInt(int64(d))
		return nil
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("must be true or false")
		}
		field.SetBool(b)
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("must be a whole number")
		}
		field.SetInt(int64(n))
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("must be a number")
		}
		field.SetFloat(f)
	case reflect.Slice:
		var items []string
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		field.Set(reflect.ValueOf(items))
	default:
		return fmt.Errorf("cannot be set from the environment")
	}
	return nil
}
