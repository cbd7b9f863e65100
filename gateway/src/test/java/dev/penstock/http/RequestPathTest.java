package dev.penstock.http;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RequestPathTest {
    @ParameterizedTest
    @CsvSource({"/api/inject/v1,/api/inject/v1", "/metrics?a=/x#y,/metrics",
        "http://host:8026/api/inject/v1?x,/api/inject/v1",
        "http://host,/", "http://host/,/", "/api%2finject/v1,/api%2finject/v1", "/api/%69nject/v1,/api/%69nject/v1",
        "/x/../api/inject/v1,/x/../api/inject/v1", "//api/inject/v1,//api/inject/v1",
        "/a://b/api/inject/v1,/a://b/api/inject/v1",
        "*,*", "api/inject/v1,api/inject/v1", "'',''"})
    void aPathIsWhatWasWritten(String target, String path) {
        assertThat(RequestPath.of(target)).isEqualTo(path);
    }
}
