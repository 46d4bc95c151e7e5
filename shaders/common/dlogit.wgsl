// dL/dlogit of one action from a row's coefficients (dL/dlogp, dL/dentropy, ..), the action's logp and the entropy:
// dlogp(taken)/dz_a = [a taken] - p_a, dH/dz_a = -p_a (logp_a + H).
fn dlogit(coef: vec4<f32>, logp: f32, entropy: f32, taken: bool) -> f32 {
    let p = exp(logp);
    return coef.x * (select(0.0, 1.0, taken) - p) - coef.y * p * (logp + entropy);
}
