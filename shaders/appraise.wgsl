// What the learned reward models of a lane say of every sample, one thread a sample; twin of core/src/engine/cpu/appraise.rs.
// reward_models: [lane][RM_COUNT][RM_WEIGHTS], laid out as core/src/reward_models/shape.rs says.

@group(0) @binding(0) var<storage, read_write> records: array<f32>;
@group(0) @binding(1) var<storage, read> reward_models: array<f32>;

// What the models read, and what a layer reads and gives.
var<private> row: array<f32, RM_WIDTH>;
var<private> x: array<f32, RM_WIDEST>;
var<private> y: array<f32, RM_WIDEST>;

fn gather(base: u32) {
    var offsets = RM_OFFSETS;
    var caps = RM_CAPS;
    var lists = RM_LISTS;
    for (var i = 0u; i < RM_WIDTH; i++) {
        row[i] = 0.0;
    }
    var next = RM_SEQUENCE;
    for (var f = 0u; f < RM_FIELDS; f++) {
        let slot = base + offsets[f];
        var n = 1u;
        if lists[f] == 1u {
            n = min(u32(max(records[slot], 0.0)), caps[f]);
        }
        for (var i = 0u; i < n; i++) {
            row[next + i] = records[slot + lists[f] + i];
        }
        // Numbers keep their places; tokens follow one another.
        next += select(caps[f], n, RM_SEQUENCE == 1u);
    }
    if RM_SEQUENCE == 1u {
        row[0] = f32(next - 1u);
    }
}

fn token_value(w: u32, i: u32, k: u32) -> f32 {
    let token = min(u32(row[1u + i]), RM_VOCABULARY - 1u);
    let place = (RM_VOCABULARY + i) * RM_EMBEDDING + k;
    return max(reward_models[w + token * RM_EMBEDDING + k] + reward_models[w + place], 0.0);
}

// Attention pooling of the tokens into x.
fn pool(w: u32) {
    let n = min(u32(row[0]), RM_WIDTH - 1u);
    let query = w + (RM_VOCABULARY + RM_WIDTH - 1u) * RM_EMBEDDING;
    let scale = 1.0 / sqrt(f32(RM_EMBEDDING));
    var attention: array<f32, RM_WIDTH>;
    var most = -3.0e38;
    for (var i = 0u; i < n; i++) {
        var dot = 0.0;
        for (var k = 0u; k < RM_EMBEDDING; k++) {
            dot += reward_models[query + k] * token_value(w, i, k);
        }
        attention[i] = dot * scale;
        most = max(most, attention[i]);
    }
    var total = 0.0;
    for (var i = 0u; i < n; i++) {
        attention[i] = exp(attention[i] - most);
        total += attention[i];
    }
    for (var k = 0u; k < RM_EMBEDDING; k++) {
        x[k] = 0.0;
    }
    for (var i = 0u; i < n; i++) {
        let share = attention[i] / total;
        for (var k = 0u; k < RM_EMBEDDING; k++) {
            x[k] += share * token_value(w, i, k);
        }
    }
}

fn score(w: u32) -> f32 {
    var layers = RM_LAYERS;
    var weights = w;
    if RM_SEQUENCE == 1u {
        pool(w);
        weights += (RM_VOCABULARY + RM_WIDTH) * RM_EMBEDDING;
    } else {
        for (var i = 0u; i < RM_WIDTH; i++) {
            x[i] = row[i];
        }
    }
    for (var l = 0u; l < RM_DEPTH; l++) {
        let inputs = layers[l];
        let outputs = layers[l + 1u];
        for (var j = 0u; j < outputs; j++) {
            var sum = reward_models[weights + inputs * outputs + j];
            for (var i = 0u; i < inputs; i++) {
                sum += x[i] * reward_models[weights + i * outputs + j];
            }
            y[j] = sum;
        }
        for (var j = 0u; j < outputs; j++) {
            x[j] = select(y[j], max(y[j], 0.0), l + 1u < RM_DEPTH);
        }
        weights += (inputs + 1u) * outputs;
    }
    return (x[0] - reward_models[weights]) * reward_models[weights + 1u];
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= SAMPLES {
        return;
    }
    let base = (id.y * SAMPLES + id.x) * RECORD;
    gather(base);
    records[base + RM_SCORES] = f32(RM_COUNT);
    var sum = 0.0;
    for (var m = 0u; m < RM_COUNT; m++) {
        let value = score((id.y * RM_COUNT + m) * RM_WEIGHTS);
        records[base + RM_SCORES + 1u + m] = value;
        sum += value;
    }
    records[base + RM_MEAN] = sum / f32(RM_COUNT);
}
